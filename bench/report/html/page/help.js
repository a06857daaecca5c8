// @ts-check
// Help in a small box, for whatever carries `data-help`: on hovering, and for headers also on focus.

function startHelp() {
  const tip = one('#tip');
  /** @type {any} */
  let owner = null;

  /** @param {any} target */
  function show(target) {
    if (target === owner) return;
    hide();
    owner = target;
    (one('dialog[open]') || document.body).append(tip);
    tip.textContent = target.dataset.help;
    tip.hidden = false;
    const box = target.getBoundingClientRect();
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const below = box.bottom + 8 + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.max(8, Math.min(room, box.left))}px`;
    tip.style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - tip.offsetHeight - 6)}px`;
    const control = one('[role=button]', target) || target;
    control.setAttribute('aria-describedby', 'tip');
  }

  function hide() {
    if (!owner) return;
    (one('[role=button]', owner) || owner).removeAttribute('aria-describedby');
    owner = null;
    tip.hidden = true;
  }

  for (const event of ['mouseover', 'focusin']) {
    document.addEventListener(event, (found) => {
      const target = /** @type {any} */ (found.target).closest?.('[data-help]');
      if (target) show(target);
      else hide();
    });
  }
  document.addEventListener('focusout', hide);
  document.addEventListener('scroll', hide, true);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hide();
  });
}
