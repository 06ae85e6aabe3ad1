// The few things that a page needs a script of ours for.
(() => {
  const away = document.getElementById('components-reconnect-modal');
  let waiting = false;

  // When the service is back but no longer knows this page, or nobody tries any more, the page is loaded again once the service answers.
  const comeBack = async () => {
    if (waiting) return;
    waiting = true;
    for (;;) {
      try {
        if ((await fetch('/readyz', { cache: 'no-store' })).ok) break;
      } catch { /* Not yet. */ }
      await new Promise(done => setTimeout(done, 2000));
    }
    location.reload();
  };
  new MutationObserver(() => {
    if (/components-reconnect-(failed|rejected)/.test(away.className)) comeBack();
  }).observe(away, { attributes: true, attributeFilter: ['class'] });

  // The menu of a phone closes when another page is shown.
  Blazor.addEventListener('enhancedload', () => document.querySelectorAll(':popover-open').forEach(open => open.hidePopover()));

  document.addEventListener('click', event => {
    if (event.target.closest('.skip')) {
      event.preventDefault();
      document.getElementById('content').focus();
    }
    const copy = event.target.closest('[data-copy]');
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.textContent = 'Copied'; });
  });
})();
