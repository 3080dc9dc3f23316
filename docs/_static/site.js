// What is wider than the page can be scrolled with the keyboard, too: it can be reached with Tab while it is. And the two columns
// beside the text have names.

const WIDE = "pre, .table-wrapper, .math-wrapper, math[display=block], .cell_output";

const reach = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
document.querySelectorAll(WIDE).forEach((element) => reach.observe(element));
for (const [place, name] of [[".sidebar-drawer", "all pages"], [".toc-drawer", "on this page"]]) {
  document.querySelector(place)?.setAttribute("aria-label", name);
}
