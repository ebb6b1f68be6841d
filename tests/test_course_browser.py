"""What a reader does with the course, in a real browser: by mouse, keyboard and finger."""

import json
import re

import extensions
import pytest
import yaml
from playwright.sync_api import expect

PAGES = list(
    yaml.safe_load((extensions.EXTENSIONS.parent / "_map.yml").read_text(encoding="utf-8"))["pages"]
)
CHAPTER = "code/cnn"
SIDEBAR = "nav.bd-docs-nav a.course-is-read"


def go(page, site_url, path):
    page.goto(f"{site_url}/{path}.html", wait_until="load")


def tab_to(page, selector):
    """Give an element the focus as the keyboard does, so that :focus-visible holds."""
    page.locator(selector).first.evaluate("element => element.focus({focusVisible: true})")


# --- reading time and neighbours -----------------------------------------------------------


def test_a_page_says_how_long_it_takes_and_so_do_the_links_to_it(page, site_url):
    go(page, site_url, CHAPTER)
    own = page.locator(".course-reading-time").inner_text()
    assert re.fullmatch(r"Reading time: about (\d+ h )?\d+ min", own)
    minutes = own.removeprefix("Reading time: ")
    page.locator("a.right-next").click()
    page.wait_for_url(lambda url: CHAPTER not in url)
    assert f"{minutes} to read" in page.locator("a.left-prev").inner_text()
    page.locator("a.left-prev").click()
    page.wait_for_url(f"**/{CHAPTER}.html")


# --- progress ------------------------------------------------------------------------------


def test_a_page_marked_as_read_stays_so_until_the_reader_resets(page, site_url):
    go(page, site_url, CHAPTER)
    mark = page.get_by_role("button", name="Mark as read")
    assert mark.get_attribute("aria-pressed") == "false"
    tab_to(page, ".course-mark")
    page.keyboard.press("Enter")
    assert mark.get_attribute("aria-pressed") == "true"
    page.reload()
    assert mark.get_attribute("aria-pressed") == "true"
    assert page.locator(SIDEBAR).count() == 1
    assert page.locator(SIDEBAR).text_content().strip().endswith("(read)")

    for path in ("index", "map"):
        go(page, site_url, path)
        box = page.locator(".course-progress")
        assert re.match(r"1 of \d+ pages read", box.locator("span").inner_text())
        assert box.locator("progress").evaluate("bar => bar.value") == 1

    reset = page.get_by_role("button", name="Reset progress")
    reset.click()
    page.keyboard.press("Escape")  # thought better of it
    assert page.locator(SIDEBAR).count() == 1
    reset.click()
    page.get_by_role("button", name="Keep").click()
    assert page.locator(SIDEBAR).count() == 1
    reset.click()
    page.get_by_role("button", name="Forget").click()
    expect(page.locator(".course-progress span")).to_have_text(re.compile("^0 of"))
    assert page.locator(SIDEBAR).count() == 0
    assert reset.is_disabled()
    assert page.evaluate("document.activeElement.className") == "course-progress-count"
    page.reload()
    assert page.locator(SIDEBAR).count() == 0


def test_a_mark_can_be_taken_back(page, site_url):
    go(page, site_url, CHAPTER)
    mark = page.locator(".course-mark")
    mark.click()
    mark.click()
    assert mark.get_attribute("aria-pressed") == "false"
    assert page.evaluate("localStorage.getItem('course-read')") == "[]"


def test_marks_in_one_tab_show_in_another(page, site_url):
    go(page, site_url, CHAPTER)
    other = page.context.new_page()
    go(other, site_url, "map")
    page.locator(".course-mark").click()
    expect(other.locator(".course-progress span")).to_have_text(re.compile("^1 of"))
    expect(other.locator(SIDEBAR)).to_have_count(1)


@pytest.mark.parametrize("kept", ["not JSON", "{}", "null", '"code/cnn"', '["no/such/page"]'])
def test_what_others_left_in_the_storage_does_no_harm(page, site_url, kept):
    page.add_init_script(f"localStorage.setItem('course-read', {json.dumps(kept)})")
    go(page, site_url, "map")
    assert page.locator(".course-progress span").inner_text().startswith("0 of")


def test_where_storage_is_refused_marks_last_as_long_as_the_page(page, site_url):
    page.add_init_script(
        "for (const name of ['getItem', 'setItem']) {"
        " const plain = Storage.prototype[name];"
        " Storage.prototype[name] = function (key, ...rest) {"
        "  if (key.startsWith('course-')) throw new DOMException('no', 'SecurityError');"
        "  return plain.call(this, key, ...rest); }; }"
    )
    go(page, site_url, CHAPTER)
    page.locator(".course-mark").click()
    assert page.locator(".course-mark").get_attribute("aria-pressed") == "true"
    assert page.locator(SIDEBAR).count() == 1


def test_marking_moves_nothing(page, site_url):
    go(page, site_url, CHAPTER)
    places = "[...document.querySelectorAll('.bd-sidenav a, .bd-article, .course-page-end *')]"
    measure = f"{places}.map(e => JSON.stringify(e.getBoundingClientRect()))"
    before = page.evaluate(measure)
    page.locator(".course-mark").evaluate("button => button.click()")
    assert page.evaluate(measure) == before


# --- terms of the glossary -----------------------------------------------------------------


def first_term(page):
    term = page.locator("a.course-term").first
    return term, page.locator(f"#{term.get_attribute('aria-describedby')}")


def test_a_definition_appears_on_focus_and_goes_with_escape(page, site_url):
    go(page, site_url, CHAPTER)
    term, tip = first_term(page)
    assert not tip.is_visible()
    term.focus()
    assert tip.is_visible()
    assert tip.get_attribute("role") == "tooltip"
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    assert term.evaluate("term => term === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert tip.is_visible()
    page.keyboard.press("Tab")
    tip.wait_for(state="hidden")


def test_a_definition_stays_while_the_pointer_is_on_it(page, site_url):
    go(page, site_url, CHAPTER)
    term, tip = first_term(page)
    term.hover()
    assert tip.is_visible()
    tip.hover()
    page.wait_for_timeout(600)
    assert tip.is_visible()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.mouse.move(5, 5)
    term.hover()
    assert tip.is_visible()
    page.mouse.move(5, 5)
    tip.wait_for(state="hidden")


def test_only_one_definition_is_open_and_all_lie_inside_the_window(page, site_url):
    page.set_viewport_size({"width": 360, "height": 700})
    go(page, site_url, CHAPTER)
    terms = page.locator("a.course-term")
    for i in range(terms.count()):
        terms.nth(i).focus()
        assert page.locator(".course-tip:popover-open").count() == 1
        box = page.locator(".course-tip:popover-open").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_term_leads_to_its_entry_and_names_it_in_both_languages(page, site_url):
    go(page, site_url, CHAPTER)
    term, tip = first_term(page)
    name = tip.locator("strong").text_content()
    assert re.search("[\u4e00-\u9fff]", tip.text_content())
    term.click()
    page.wait_for_url("**/appendix/glossary.html#term-*")
    assert page.locator(":target").text_content().strip().startswith(name)


def test_the_first_tap_explains_the_second_one_leads_on_one_elsewhere_closes(browser, site_url):
    context = browser.new_context(has_touch=True, viewport={"width": 360, "height": 700})
    page = context.new_page()
    go(page, site_url, CHAPTER)
    term, tip = first_term(page)
    term.tap()
    assert tip.is_visible()
    page.wait_for_timeout(600)
    assert tip.is_visible()
    assert CHAPTER in page.url
    page.locator(".bd-article h1").tap()
    assert not tip.is_visible()
    term.tap()
    term.tap()
    page.wait_for_url("**/appendix/glossary.html#term-*")
    context.close()


# --- the map -------------------------------------------------------------------------------


def test_the_map_leads_to_its_pages_and_shows_what_comes_before(page, site_url):
    page.set_viewport_size({"width": 1280, "height": 900})
    go(page, site_url, "map")
    boxes = page.locator("a.course-map-page")
    assert set(boxes.evaluate_all("boxes => boxes.map(box => box.dataset.page)")) <= set(PAGES)
    tab_to(page, f'a.course-map-page[data-page="{CHAPTER}"]')
    chosen = page.locator("a.course-map-needed")
    assert set(chosen.evaluate_all("boxes => boxes.map(box => box.dataset.page)")) == {
        "background",
        "concepts",
        "algorithms/cnn",
        CHAPTER,
    }
    assert page.locator("path.course-map-needed").count() == 3
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{CHAPTER}.html")
    page.locator(".course-mark").click()
    page.get_by_role("link", name="Map of the course", exact=True).last.click()
    page.wait_for_url("**/map.html")
    box = page.locator(f'a.course-map-page[data-page="{CHAPTER}"]')
    assert box.get_attribute("aria-label").endswith(", read")
    assert box.locator(".course-map-check").is_visible()


def test_on_a_phone_the_list_says_what_the_drawing_says(page, site_url):
    page.set_viewport_size({"width": 360, "height": 700})
    go(page, site_url, "map")
    assert not page.locator(".course-map-drawing").is_visible()
    drawn = page.locator("a.course-map-page").evaluate_all("l => l.map(a => a.dataset.page)")
    listed = page.locator(".course-map-list a.course-page").evaluate_all(
        "l => l.map(a => new URL(a.href).pathname.slice(1).replace('.html', ''))"
    )
    assert sorted(listed) == sorted(drawn)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_ways_open_by_keyboard_and_tell_their_time(page, site_url):
    go(page, site_url, "map")
    ways = page.locator("details.course-way")
    assert ways.count() == 5
    for i in range(5):
        assert re.search(r"\d+ pages, about .* min to read", ways.nth(i).inner_text())
    tab_to(page, "details.course-way summary")
    page.keyboard.press("Enter")
    assert ways.first.locator("ol a").first.is_visible()


# --- copy a cell, open in Colab, download --------------------------------------------------


def test_a_cell_is_copied_by_keyboard(page, site_url):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    go(page, site_url, CHAPTER)
    tab_to(page, ".cell_input button.copybtn")
    button = page.locator(".cell_input button.copybtn").first
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.cell_input button.copybtn')).opacity === '1'"
    )
    assert button.evaluate("b => getComputedStyle(b).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert "import course_utils as cu" in page.evaluate("navigator.clipboard.readText()")


def test_copy_buttons_show_where_there_is_no_mouse(browser, site_url):
    context = browser.new_context(has_touch=True, is_mobile=True)
    page = context.new_page()
    go(page, site_url, CHAPTER)
    button = page.locator(".cell_input button.copybtn").first
    assert button.evaluate("b => getComputedStyle(b).opacity") == "1"
    context.close()


@pytest.mark.parametrize(
    ("menu", "name"),
    [("Launch interactive content", "Open in Colab"), ("Download this page", "Notebook (.ipynb)")],
)
def test_menus_open_by_keyboard(page, site_url, menu, name):
    go(page, site_url, CHAPTER)
    page.get_by_role("button", name=menu).focus()
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name=name)
    link.wait_for()
    page.keyboard.press("ArrowDown")
    assert link.evaluate("link => link === document.activeElement")
    assert link.get_attribute("href").endswith(f"{CHAPTER}.ipynb")


def test_the_notebook_is_downloaded_by_keyboard(page, site_url):
    go(page, site_url, CHAPTER)
    page.get_by_role("button", name="Download this page").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "cnn.ipynb"
    assert json.loads(download.value.path().read_text(encoding="utf-8"))["nbformat"] == 4
