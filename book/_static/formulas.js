// A formula that is wider than the page scrolls; by keyboard too, if the keyboard can reach it.
const formulas = document.querySelectorAll("div.math");

function letKeyboardIn() {
  for (const formula of formulas) {
    formula.toggleAttribute("tabindex", formula.scrollWidth > formula.clientWidth);
    if (formula.hasAttribute("tabindex")) {
      formula.tabIndex = 0;
    }
  }
}

letKeyboardIn();
addEventListener("resize", letKeyboardIn);
document.fonts.ready.then(letKeyboardIn);
