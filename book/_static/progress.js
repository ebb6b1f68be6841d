// Which pages the reader has read: kept in this browser only, and shown wherever a page is named.

const KEY = "course-read";
const ROOT = new URL(document.documentElement.dataset.content_root, document.baseURI);
const LINKS = ".bd-sidenav a[href], a.course-page, a.course-map-page";

let read = stored();

function stored() {
  try {
    const pages = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return new Set(Array.isArray(pages) ? pages : []);
  } catch {
    return new Set(); // Storage is refused, or holds what we did not write.
  }
}

function store() {
  try {
    localStorage.setItem(KEY, JSON.stringify([...read]));
  } catch {
    // Storage is refused: the marks last as long as the page.
  }
}

// The name of the page behind a link, such as "code/cnn"; links in SVG have no plain href.
function pageBehind(link) {
  const url = new URL(link.getAttribute("href"), document.baseURI);
  return url.pathname.slice(ROOT.pathname.length).replace(/\.html$/, "");
}

function markLink(link) {
  const isRead = read.has(pageBehind(link));
  link.classList.toggle("course-is-read", isRead);
  if (link instanceof SVGElement) {
    const name = link.querySelector("text").textContent;
    link.setAttribute("aria-label", isRead ? `${name}, read` : name);
    return;
  }
  link.querySelector(".course-read")?.remove();
  if (isRead) {
    const mark = document.createElement("span");
    mark.className = "course-read visually-hidden";
    mark.textContent = " (read)";
    link.append(mark);
  }
}

function showCount(box) {
  const pages = box.dataset.pages.split(" ");
  const count = pages.filter((page) => read.has(page)).length;
  const text = `${count} of ${pages.length} pages read`;
  box.querySelector(".course-progress-count").textContent = text;
  if (box.matches(".course-progress")) {
    box.querySelector("progress").value = count;
    box.querySelector(".course-reset").disabled = count === 0;
  }
}

function show() {
  document.querySelectorAll(LINKS).forEach(markLink);
  document.querySelectorAll("[data-pages]").forEach(showCount);
  document.querySelectorAll(".course-mark").forEach((button) => {
    button.setAttribute("aria-pressed", read.has(button.dataset.page));
  });
}

function change(edit) {
  edit();
  store();
  show();
}

function turn(button) {
  const { page } = button.dataset;
  button.addEventListener("click", () =>
    change(() => (read.has(page) ? read.delete(page) : read.add(page))),
  );
}

function askBeforeReset(box) {
  const dialog = box.querySelector("dialog");
  box.querySelector(".course-reset").addEventListener("click", () => {
    dialog.returnValue = ""; // Escape keeps the value of the time before.
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "forget") {
      change(() => read.clear());
      // The button is disabled now, and what has the focus must not vanish.
      box.querySelector(".course-progress-count").focus();
    }
  });
}

document.querySelectorAll(".course-mark").forEach(turn);
document.querySelectorAll(".course-progress").forEach(askBeforeReset);
window.addEventListener("storage", (event) => {
  if (event.key === KEY || event.key === null) {
    read = stored();
    show();
  }
});
// A page that the back button brings again remembers what was read when it was left.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    read = stored();
    show();
  }
});
show();
