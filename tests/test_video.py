"""Video files: what is written is read, every frame is the right one, every fault is told."""

import json
import os
import shutil
from fractions import Fraction

import av
import numpy as np
import pytest

from course_utils import video


def counting(count=40, height=48, width=64):
    """Frames that tell their own number: grey 5 × number, and a bar that moves."""
    frames = np.empty((count, height, width, 3), np.uint8)
    for i, frame in enumerate(frames):
        frame[:] = 5 * i
        frame[:8, (3 * i) % (width - 8) :][:, :8] = 255
    return frames


def numbers(frames):
    """The numbers that such frames tell."""
    return np.round(frames[:, -16:].mean(axis=(1, 2, 3)) / 5).astype(int).tolist()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    return video.write(path, counting(), 25, keyframe_interval=12)


# Writing and reading


def test_probe_tells_what_was_written(clip):
    info = video.probe(clip)
    assert (info.codec, info.width, info.height, info.frames) == ("h264", 64, 48, 40)
    assert info.frames_per_second == 25
    assert info.seconds == pytest.approx(40 / 25)
    assert info.keyframes[0] == 0
    assert max(np.diff(info.keyframes)) <= 12
    assert info.bytes == clip.stat().st_size
    assert "mp4" in info.container
    assert not info.audio


def test_frames_come_back_in_order_and_nearly_as_they_were(clip):
    read = video.read(clip)
    assert read.dtype == np.uint8
    assert read.shape == (40, 48, 64, 3)
    assert numbers(read) == list(range(40))
    assert np.abs(read.astype(int) - counting()).mean() < 3
    for one, other in zip(video.frames(clip), read, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mkv", "libx264", {}),
        ("a.avi", "mpeg4", {"bf": "2"}),
        ("a.webm", "libvpx-vp9", {"deadline": "realtime"}),
    ],
)
def test_every_frame_that_is_sought_is_the_one_that_decoding_all_gives(
    tmp_path, name, codec, options
):
    """Containers differ in what they look up: times of showing, of decoding, or neither."""
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 10
        for frame in counting(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    every = video.read(tmp_path / name)
    assert video.probe(tmp_path / name).frames == len(every) == 30
    for start in range(30):
        np.testing.assert_array_equal(
            video.read(tmp_path / name, start=start, count=1)[0], every[start]
        )


def test_frames_are_numbered_right_where_the_frame_rate_varies(tmp_path):
    path = tmp_path / "varying.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=100)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 10
        for i, frame in enumerate(counting(30)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = i * i, Fraction(1, 100)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    assert numbers(video.read(path, start=17, count=3)) == [17, 18, 19]


def test_a_range_with_a_step_is_read(clip):
    assert numbers(video.read(clip, start=5, count=4, step=3)) == [5, 8, 11, 14]
    assert numbers(video.read(clip, start=30, step=4)) == [30, 34, 38]


def test_frames_are_scaled_to_height_and_width(clip):
    assert video.read(clip, count=1, size=(12, 20)).shape == (1, 12, 20, 3)
    whole = video.read(clip, start=20, count=1).mean()
    assert video.read(clip, start=20, count=1, size=(12, 20)).mean() == pytest.approx(whole, abs=2)


def test_packets_give_types_in_decoding_order(clip):
    packets = video.packets(clip)
    assert sorted(one.index for one in packets) == list(range(40))
    assert [one.index for one in packets] != list(range(40)), "B frames change the order"
    assert packets[0].type == "I"
    assert packets[0].keyframe
    assert {"I", "P", "B"} == {one.type for one in packets}
    assert tuple(one.index for one in packets if one.keyframe) == video.probe(clip).keyframes
    seconds = {one.index: one.seconds for one in packets}
    assert seconds[30] - seconds[0] == pytest.approx(30 / 25)


def test_the_same_frames_give_the_same_bytes(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (30, 64, 96, 3), np.uint8)
    first = video.write(tmp_path / "first.mp4", noise, 30).read_bytes()
    assert video.write(tmp_path / "second.mp4", noise, 30).read_bytes() == first


def test_repeat_copies_every_frame(clip, tmp_path):
    target = video.repeat(clip, tmp_path / "long.mp4", 3)
    assert numbers(video.read(target)) == 3 * list(range(40))
    info = video.probe(target)
    assert info.frames == 120
    assert info.seconds == pytest.approx(3 * 40 / 25)
    with pytest.raises(ValueError, match="times must be at least 1, but it is 0"):
        video.repeat(clip, tmp_path / "none.mp4", 0)


# Frames of every kind


def test_an_odd_side_gets_its_last_row_or_column_twice(tmp_path):
    path = video.write(tmp_path / "odd.mp4", counting(3, 33, 35), 10)
    read = video.read(path)
    assert read.shape == (3, 34, 36, 3)
    assert np.abs(read[:, 33].astype(int) - read[:, 32]).max() < 20


@pytest.mark.parametrize("axis", [(), (1,)])
def test_grey_frames_are_written_as_three_equal_channels(tmp_path, axis):
    frames = counting(5)[..., 0].reshape(5, 48, 64, *axis)
    read = video.read(video.write(tmp_path / "grey.mp4", frames, 10))
    assert read.shape == (5, 48, 64, 3)
    assert np.ptp(read.astype(int), axis=-1).max() <= 3
    assert numbers(read) == list(range(5))


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((2, 8, 8, 4), np.uint8), r"\(8, 8, 4\): blend it with a background"),
        (np.zeros((2, 8, 8, 3), np.float32), r"must be uint8 .* frame 0 is float32 \(8, 8, 3\)\."),
        (np.zeros((2, 8), np.uint8), r"frame 0 is uint8 \(8,\)"),
        (np.zeros((2, 0, 8, 3), np.uint8), r"frame 0 is uint8 \(0, 8, 3\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), "no frames to write"),
        (
            [np.zeros((8, 8), np.uint8), np.zeros((8, 9), np.uint8)],
            "first, 8×8, but frame 1 .* 9×8",
        ),
    ],
)
def test_frames_that_no_file_can_hold_leave_no_file(tmp_path, frames, message):
    with pytest.raises(ValueError, match=message):
        video.write(tmp_path / "bad.mp4", frames, 10)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(clip, tmp_path):
    path = tmp_path / "old.mp4"
    path.write_bytes(clip.read_bytes())
    with pytest.raises(ValueError, match="no frames"):
        video.write(path, [], 10)
    assert path.read_bytes() == clip.read_bytes()


def test_impossible_rates_names_and_ranges_are_refused(clip, tmp_path):
    with pytest.raises(ValueError, match="fps must be above 0, but it is 0"):
        video.write(tmp_path / "a.mp4", counting(2), 0)
    with pytest.raises(ValueError, match=r"must end in \.mp4, but it is 'a\.gif'"):
        video.write(tmp_path / "a.gif", counting(2), 10)
    with pytest.raises(ValueError, match="count at least 1, but they are 0, 1 and 0"):
        video.read(clip, count=0)
    for arguments in ({"start": 38, "count": 3}, {"start": 0, "count": 41}, {"start": 40}):
        with pytest.raises(ValueError, match="has 40 frames, too few for frame 40"):
            video.read(clip, **arguments)


# Files that are damaged


READERS = [lambda path: list(video.frames(path)), video.read, video.packets]


@pytest.mark.parametrize("reader", [*READERS, video.probe])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "but it is empty"),
        (b"no video at all\n" * 100, "is not a video that FFmpeg can open"),
        # Playlists would make FFmpeg fetch other files, or wait for other computers.
        (b"#EXTM3U\n#EXTINF:9,\nhttp://192.0.2.1/a.ts\n#EXT-X-ENDLIST\n", "is not a video"),
        (b"ffconcat version 1.0\nfile other.mp4\n", "is not a video"),
    ],
)
def test_what_is_no_video_is_refused_in_a_sentence(tmp_path, reader, content, message):
    path = tmp_path / "bad.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        reader(path)
    assert str(path) in str(raised.value)


def test_a_folder_and_a_pipe_are_no_files(tmp_path):
    """Opening a pipe that nobody writes to would wait for ever."""
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path, tmp_path / "pipe.mp4"):
        with pytest.raises(ValueError, match="there is no such file"):
            video.read(path)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, None])
@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_was_cut_off_is_refused(clip, tmp_path, reader, share):
    """FFmpeg takes a tear between two packets for the end of the video."""
    path = tmp_path / "torn.mp4"
    with av.open(str(clip)) as container:
        between = [packet.pos for packet in container.demux(video=0)][20]
    path.write_bytes(clip.read_bytes()[: int(share * clip.stat().st_size) if share else between])
    with pytest.raises(ValueError, match=r"breaks off after|its end is missing"):
        reader(path)


@pytest.mark.parametrize("cut", [20, 33])
def test_good_frames_before_the_tear_are_handed_out(clip, tmp_path, cut):
    """All of them, however many the decoder's threads had under way."""
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    path = tmp_path / "torn.mp4"
    path.write_bytes(clip.read_bytes()[: packets[cut].pos + packets[cut].size // 2])
    got = []
    with pytest.raises(ValueError, match="breaks off after"):
        got.extend(video.frames(path))
    every = video.read(clip)
    whole = sorted(one.index for one in video.packets(clip)[:cut])
    np.testing.assert_array_equal(np.stack(got), every[whole])


@pytest.mark.parametrize("reader", READERS)
def test_damage_that_ffmpeg_would_paint_over_is_refused(tmp_path, reader):
    noise = np.random.default_rng(0).integers(0, 256, (30, 64, 96, 3), np.uint8)
    path = video.write(tmp_path / "noise.mp4", noise, 25)
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 3000 : 7] = bytes(len(content[half : half + 3000 : 7]))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"is damaged at \d\.\d s"):
        reader(path)


def test_a_file_with_sound_only_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ValueError, match="has no pictures in it"):
        video.probe(path)


# The clips that ship


def test_shipped_clips_are_what_their_cards_say():
    from course_utils import datasets

    assert datasets.video_names() == ("bigbuckbunny", "traffic")
    for name in datasets.video_names():
        card, path = datasets.video_card(name), datasets.video_path(name)
        info = video.probe(path)
        assert (info.width, info.height, info.frames) == (card.width, card.height, card.frames)
        assert (info.codec, info.frames_per_second) == (card.codec, card.frames_per_second)
        assert not info.audio
        assert card.files[f"video/{name}.mp4"]["bytes"] == info.bytes
        assert sum(1 for _ in video.frames(path, size=(18, 32))) == card.frames
        readme = (path.parents[1] / "README.md").read_text(encoding="utf-8")
        values = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        for said in (card.licence, card.files[f"video/{name}.mp4"]["sha256"], *values["problems"]):
            assert said in readme


def test_an_unknown_or_a_damaged_clip_is_refused(tmp_path, monkeypatch):
    from course_utils import datasets
    from course_utils.datasets import registry, videos

    with pytest.raises(ValueError, match="no clip 'crossing'; known are bigbuckbunny, traffic"):
        datasets.video_path("crossing")
    shutil.copytree(registry.folder() / "video", tmp_path / "video")
    path = tmp_path / "video" / "traffic.mp4"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    monkeypatch.setattr(registry, "folder", lambda: tmp_path)
    monkeypatch.setattr(videos, "folder", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"traffic\.mp4 should have .* data/prepare_video\.py"):
        datasets.video_path("traffic")
