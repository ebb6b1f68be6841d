"""What the site's pages are relieved of, and what must stay."""

import functools
import json
import re

import extensions
import light
import mathematics
import pytest
from accessible import mended
from PIL import Image
from sphinx.builders.html._assets import _JavaScript
from sphinx.errors import ExtensionError

packages = pytest.mark.skipif(
    not (light.PACKAGES / "purgecss").is_dir(), reason="npm's packages are missing: run make"
)


@pytest.fixture
def site(tmp_path):
    """A site of two pages in two folders, with three style sheets and the theme's scripts."""
    static = tmp_path / "_static"
    (static / "styles").mkdir(parents=True)
    (static / "a.css").write_text(".used{color:red}.unused{color:blue}")
    (static / "b.css").write_text(".scripted{color:green}")
    theme = '@import "../b.css";.used{background:url(../images/x.png)}.inline{src:url(data:,)}'
    (static / "styles" / "theme.css").write_text(theme)
    (static / "a.js").write_text('element.classList.add("scripted");')
    head = (
        '<link rel="preload" as="script" href="{0}_static/a.js">\n'
        '<link href="{0}_static/styles/theme.css?digest=1" rel="stylesheet" />\n'
        '<link rel="stylesheet" type="text/css" href="{0}_static/a.css?v=2" />\n'
        '<script src="{0}_static/scripts/fontawesome.js?digest=1"></script>\n'
    )
    (tmp_path / "part").mkdir()
    body = '<body class="used"><a href="x">x</a></body>'
    (tmp_path / "index.html").write_text(f"<head>{head.format('')}</head>{body}")
    (tmp_path / "part" / "x.html").write_text(f"<head>{head.format('../')}</head>{body}")
    return tmp_path


@packages
def test_rules_stay_that_a_page_or_a_script_names_and_others_go(site):
    light.purge(site)
    assert (site / "_static" / "a.css").read_text() == ".used{color:red}"
    assert "scripted" in (site / "_static" / "b.css").read_text()


def test_missing_purgecss_is_one_sentence(site):
    with pytest.raises(ExtensionError, match=r"^PurgeCSS is missing from .*: run make"):
        light.purge(site, site)


def test_every_page_asks_for_one_sheet_that_holds_all_of_them_in_order(site):
    light.lighten_pages(site)
    top, below = (site / "index.html").read_text(), (site / "part" / "x.html").read_text()
    assert top.count("stylesheet") == below.count("stylesheet") == 1
    name = top.partition('href="./')[2].partition('"')[0]
    assert f'href="../{name}"' in below
    joined = (site / name.partition("?")[0]).read_text()
    imported, url = ".scripted{color:green}", '.used{background:url("images/x.png")}'
    assert joined.index(imported) < joined.index(url) < joined.index(".used{color:red}")
    assert "url(data:,)" in joined
    assert "@import" not in joined


def test_pages_lose_the_icons_script_and_what_hurries_scripts(site):
    light.lighten_pages(site)
    text = (site / "index.html").read_text()
    assert "fontawesome.js" not in text
    assert "preload" not in text


def test_scripts_and_films_that_wait_are_fetched_last(site):
    (site / "index.html").write_text(
        '<script defer src="a.js"></script><script type="module" src="b.js"></script>'
        '<script src="c.js"></script><video poster="p"></video><video></video>'
    )
    for _ in range(2):
        light.lighten_pages(site)
        assert (site / "index.html").read_text() == (
            '<script fetchpriority="low" defer src="a.js"></script>'
            '<script fetchpriority="low" type="module" src="b.js"></script><script src="c.js">'
            '</script><video preload="none" poster="p"></video><video></video>'
        )


def test_a_page_that_was_not_written_again_gets_the_new_style(site):
    light.lighten_pages(site)
    before = (site / "index.html").read_text()
    (site / "_static" / "a.css").write_text(".used{color:black}")
    light.lighten_pages(site)
    assert (site / "index.html").read_text() == before
    joined = next((site / "_static").glob("site-*.css")).read_text()
    assert ".used{color:black}" in joined
    assert len(json.loads((site / "_static" / "site-sheets.json").read_text())) == 1


def test_films_become_files_that_every_page_finds(site):
    film = '<video src="data:video/mp4;base64,QUJD" poster="data:image/webp;base64,REVG"></video>'
    for name, root in (("index.html", "./"), ("part/x.html", "../")):
        (site / name).write_text(film)
        light.lay_media_beside(site)
        text = (site / name).read_text()
        assert "base64" not in text
        addresses = re.findall(r'(?:src|poster)="([^"]+)"', text)
        files = [(site / name).parent / address for address in addresses]
        assert all(address.startswith(f"{root}_static/media/") for address in addresses)
        assert [path.suffix for path in files] == [".mp4", ".webp"]
        assert [path.read_bytes() for path in files] == [b"ABC", b"DEF"]


def test_images_get_their_size_and_wait_until_they_are_near(site):
    (site / "part" / "_images").mkdir()
    Image.new("RGB", (7, 5)).save(site / "part" / "_images" / "a b.png")
    image = '<img alt="A" src="{}" />'
    sources = [
        "_images/a%20b.png",
        "../part/_images/a%20b.png",
        "absent.png",
        "data:image/png;base64,AA",
    ]
    (site / "part" / "x.html").write_text("".join(map(image.format, sources)))
    for _ in range(2):  # a page that was not written again is left as it is
        light.settle_images(site)
        text = (site / "part" / "x.html").read_text()
        assert text.count('width="7" height="5"') == 2
        assert text.count("lazy") == 1
        assert text.index("lazy") > text.index("a%20b.png")


def test_icons_are_known_by_the_rules_that_show_them():
    styles = (
        '.fa-bars:before{content:"\\f0c9"}.x:after{content:"\\f00d"}.y{content:"+"}.z{content:""}'
    )
    assert light.shown(styles) == {0xF0C9, 0xF00D, ord("+")}


def test_scripts_wait_for_the_page_but_for_the_options_and_the_search():
    script = functools.partial(_JavaScript, priority=500)
    scripts = [
        script("_static/doctools.js"),
        script("_static/documentation_options.js"),
        script("_static/progress.js", type="module"),
        script(None, body="x = 1"),
    ]
    for page, deferred in (("concepts", [True, False, False, False]), ("search", [False] * 4)):
        context = {"script_files": scripts}
        light.hold_nothing_up(None, page, "", context, None)
        assert ["defer" in one.attributes for one in context["script_files"]] == deferred
    assert not any("defer" in one.attributes for one in scripts)


def katex(folder, version):
    (folder / "katex" / "dist").mkdir(parents=True)
    (folder / "katex" / "package.json").write_text(json.dumps({"version": version}))


def test_katex_must_be_there(tmp_path):
    with pytest.raises(ExtensionError, match=r"style sheet is missing from .*: run make"):
        mathematics.katex_folder(tmp_path)


def test_katex_must_be_the_version_that_sets_the_formulas(tmp_path):
    katex(tmp_path, "0.1.0")
    with pytest.raises(ExtensionError, match=r"must name KaTeX 0\.\d+\.\d+, .* and names 0\.1\.0"):
        mathematics.katex_folder(tmp_path)


def test_the_package_named_is_that_version():
    named = json.loads((extensions.EXTENSIONS.parents[1] / "package.json").read_text())
    assert named["dependencies"]["katex"] == mathematics.katex.katex_version


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            '<button aria-label="Search" class="btn search-button-field x" title="Search">',
            '<button class="btn search-button-field x">',
        ),
        (
            '<div id="pst-primary-sidebar" class="bd-sidebar-primary bd-sidebar">',
            '<div role="complementary" aria-label="Site" id="pst-primary-sidebar" '
            'class="bd-sidebar-primary bd-sidebar">',
        ),
        (
            '<summary><span class="toctree-toggle">',
            '<summary aria-label="Pages below this one"><span class="toctree-toggle">',
        ),
        ("<summary>Answer", "<summary>Answer"),
        ('<th class="head"><p></p></th><th>a</th>', '<td class="head"></td><th>a</th>'),
        ('<div role="doc-biblioentry">', '<div role="listitem">'),
        ("<p>Search</p>", "<p>Search</p>"),
    ],
)
def test_barriers_of_the_theme_are_mended_once(theirs, ours):
    assert mended(theirs) == ours
    assert mended(ours) == ours
