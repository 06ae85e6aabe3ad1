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
    keep();
    location.reload();
  };
  new MutationObserver(() => {
    if (/components-reconnect-(failed|rejected)/.test(away.className)) comeBack();
  }).observe(away, { attributes: true, attributeFilter: ['class'] });

  // What somebody has typed survives that. A secret is not kept.
  const typed = new Set(), openers = new Map();
  document.addEventListener('input', event => {
    if (event.isTrusted && event.target.closest('main') && event.target.type !== 'password') typed.add(event.target);
  }, true);
  const nameOf = one => one.ariaLabel || one.closest('label')?.firstChild.textContent.trim() || one.id;
  const keep = () => {
    const fields = [...typed].filter(one => one.isConnected && one.type !== 'radio').map(one => [nameOf(one), one.type === 'checkbox' ? one.checked : one.value]);
    if (fields.length) sessionStorage.setItem('metering-typed', JSON.stringify({ at: location.href, opener: [...openers.values()][0]?.innerText, fields }));
  };
  const giveBack = async () => {
    const kept = JSON.parse(sessionStorage.getItem('metering-typed') ?? 'null');
    sessionStorage.removeItem('metering-typed');
    if (kept?.at !== location.href) return;
    const all = what => [...document.querySelectorAll(`main ${what}`)];
    if (kept.opener) all('button').find(one => one.innerText === kept.opener)?.click();
    for (let tries = 0; tries < 50 && kept.fields.length; tries++) {
      kept.fields = kept.fields.filter(([name, value]) => {
        const one = all(':is(input, select, textarea)').find(field => nameOf(field) === name), what = one?.type === 'checkbox' ? 'checked' : 'value';
        if (!one || one[what] === value) return !one;
        one[what] = value;
        typed.add(one);
        for (const told of ['input', 'change']) one.dispatchEvent(new Event(told, { bubbles: true }));
        return false;
      });
      await new Promise(done => setTimeout(done, 100));
    }
  };

  // The menu of a phone closes when another page is shown.
  Blazor.addEventListener('enhancedload', () => document.querySelectorAll(':popover-open').forEach(open => open.hidePopover()));

  // The controls of a page take nothing until it is connected, since what is done before is lost.
  const open = () => {
    const part = document.getElementById('live-part');
    const isWaiting = !part?.querySelector('.head[data-live]');

    // Only where it is another, since this is called by what it does itself.
    if (!part || part.disabled === isWaiting) return;
    part.disabled = isWaiting;
    if (!isWaiting) giveBack();
  };
  new MutationObserver(open).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['data-live', 'disabled'] });
  open();

  // A form that a button opens takes the focus, and gives it back when it is gone.
  new MutationObserver(() => {
    for (const [form, opener] of openers) {
      if (form.isConnected) continue;
      openers.delete(form);
      if (document.activeElement === document.body) (opener.isConnected ? opener : document.querySelector('.actions button'))?.focus();
    }
    const form = document.querySelector('[data-opened]');
    if (!form || openers.has(form)) return;
    openers.set(form, document.activeElement);
    form.focus();
  }).observe(document.body, { childList: true, subtree: true });

  // The grid would keep the first Tab to itself until the service has answered; its own keys are the arrows and Enter.
  window.addEventListener('keydown', event => {
    if (event.key === 'Tab' && event.target.closest?.('.rz-data-grid')) event.stopPropagation();
  }, true);

  // The theme changes where it is, and the next page is sent in it.
  document.addEventListener('submit', event => {
    const chosen = event.target.closest('.themes') && event.submitter;
    if (!chosen) return;
    event.preventDefault();
    const theme = chosen.value;
    document.cookie = `metering-theme=${theme}; Path=/; SameSite=Strict; Max-Age=${theme ? 31536000 : 0}${location.protocol === 'https:' ? '; Secure' : ''}`;
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    document.querySelectorAll('[data-theme-of]').forEach(sheet => { sheet.media = !theme ? `(prefers-color-scheme: ${sheet.dataset.themeOf})` : sheet.dataset.themeOf === theme ? 'all' : 'not all'; });
    event.target.querySelectorAll('button').forEach(button => button.setAttribute('aria-pressed', button === chosen));
  }, true);

  document.addEventListener('click', event => {
    if (event.target.closest('.skip')) {
      event.preventDefault();
      document.getElementById('content').focus();
    }
    const asked = event.target.closest('[data-dialog]');
    if (asked) document.getElementById(asked.dataset.dialog).showModal();
    const copy = event.target.closest('[data-copy]');
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.textContent = 'Copied'; });
  });
})();
