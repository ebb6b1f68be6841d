"""Starting the playground's demos in a browser, and reading the numbers behind what they show."""

import numpy as np
import pytest

# A demo's result, typed arrays made plain; None while the demo has not started.
_OUTPUT = """
box => {
  const output = box.querySelector(".course-demo-root")?.output;
  const plain = (value) => ArrayBuffer.isView(value) ? Array.from(value) : value;
  return output ? JSON.parse(JSON.stringify(output, (key, value) => plain(value))) : null;
}
"""


class Demo:
    """A demo on an open page.

    Attributes:
        page: Playwright's page.
        box: the demo's whole box.
        root: where its controls and pictures are.
    """

    def __init__(self, page, name):
        self.page, self.name = page, name
        self.box = page.locator(f'.course-demo[data-demo="{name}"]')
        self.root = self.box.locator(".course-demo-root")
        self.status = self.box.locator(".course-demo-status")

    def output(self):
        """The numbers behind what is seen, as the demo has them now."""
        return self.box.evaluate(_OUTPUT)

    def output_when(self, holds, seconds=10):
        """The output as soon as ``holds(output)``; the test fails if that does not happen."""
        for _ in range(seconds * 20):
            output = self.output()
            if output is not None and holds(output):
                return output
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{self.name}: waited {seconds} s in vain, last output {output}")


def open_playground(page, site_url):
    """Open the page with the demos; skips where the built site has none."""
    if page.goto(f"{site_url}/playground.html").status == 404:
        pytest.skip("the built site has no playground: run make site")


def open_demo(page, site_url, name):
    """Open the playground and start a demo by its button, by keyboard, as a reader may."""
    open_playground(page, site_url)
    demo = Demo(page, name)
    demo.box.get_by_role("button", name="Start").press("Enter")
    demo.root.wait_for(timeout=30_000)
    return demo


def image(values, side=28):
    """A flat list out of the browser as one image for Keras."""
    return np.asarray(values, np.float32).reshape(1, side, side, 1)
