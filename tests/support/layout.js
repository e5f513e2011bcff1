// What is wrong with where the shown controls are: outside of the window, clipped, collapsed, covered, overlapping.
// An expression whose value is a function that gives a sentence for each; browsing.py runs it in the page.
() => {
  const faults = [];
  const part = document.querySelector("dialog[open]") ?? document;
  const panel = document.querySelector(".menu[open] .card");
  const controls = [...part.querySelectorAll("a[href], button, input, select, summary")].filter(one => (
    one.checkVisibility({visibilityProperty: true}) && one.getBoundingClientRect().width > 0
    && !one.closest(".visually-hidden") && getComputedStyle(one).pointerEvents !== "none" // invisible on a pad, for keys
    && !(one.dataset.index > 40)));
  const labelOf = one => one.getAttribute("aria-label") ?? (one.textContent.trim().slice(0, 24) || one.name);
  const name = one => `${one.localName} ${labelOf(one)}`;
  // What may lie over something else: the header over all, a bar over the pictures, a panel over both.
  const layer = one => (panel?.contains(one) ? panel : one.closest("header, #problem, .bar, dialog"));

  const over = document.documentElement.scrollWidth - innerWidth;
  if (over > 0) faults.push(`the page is ${over} px too wide`);

  for (const one of controls) {
    const {left, right, top, bottom, width, height} = one.getBoundingClientRect();
    const isScrolled = one.closest(".points, pre");
    const isField = one.matches("input, select");
    const least = one.matches("[type=checkbox]") ? 16 : isField ? 44 : 18;
    if (!isScrolled && (left < -1 || right > innerWidth + 1)) faults.push(`${name(one)} is outside`);
    const hasText = !isField && one.innerText.trim() !== "";
    if (hasText && one.clientWidth && one.scrollWidth > one.clientWidth + 1) faults.push(`${name(one)} is clipped`);
    if (width < least || height < 14) faults.push(`${name(one)} has collapsed to ${width} x ${height}`);
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    if (one.getClientRects().length > 1 || x < 0 || x >= innerWidth || y < 0 || y >= innerHeight) continue;
    const hit = document.elementFromPoint(x, y) ?? document.documentElement;
    const isSame = one.contains(hit) || hit.contains(one) || [...(one.labels ?? [])].some(label => label.contains(hit));
    if (!isSame && layer(hit) === layer(one)) faults.push(`${name(one)} is covered by ${name(hit)}`);
    if (!isSame && panel?.contains(one)) faults.push(`${name(one)} is behind ${name(hit)}`);
  }

  const boxes = controls.map(one => [one, one.getBoundingClientRect()]);
  boxes.forEach(([one, a], at) => boxes.slice(at + 1).forEach(([other, b]) => {
    if (one.contains(other) || other.contains(one) || layer(one) !== layer(other)) return;
    if (one.getClientRects().length > 1 || other.getClientRects().length > 1) return; // a link over two lines
    const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (x > 1 && y > 1) faults.push(`${name(one)} and ${name(other)} overlap`);
  }));
  return faults;
}
