using System.Text.Json;
using Microsoft.Playwright;

namespace Metering.EndToEnd.Ui;

/// <summary>What a page must keep to, looked for in the page as it is: one sentence for each fault.</summary>
internal static class PageChecks
{
    /// <summary>As far as a page is walked by keys; a long table goes on as it begins.</summary>
    private const int MaxSteps = 40;

    // Smaller text can not be read, smaller targets not be hit (WCAG 2.5.8: 24 by 24 pixels, but for links within a sentence).
    private const string PhoneScript = """
        () => {
          const faults = new Set(), main = document.body;
          if (document.documentElement.scrollWidth > innerWidth) faults.add(`the page is ${document.documentElement.scrollWidth} pixels wide`);
          const texts = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
          while (texts.nextNode()) {
            const text = texts.currentNode.textContent.trim(), at = texts.currentNode.parentElement;
            if (text && at.checkVisibility() && parseFloat(getComputedStyle(at).fontSize) < 12) faults.add(`'${text.slice(0, 30)}' is smaller than 12 pixels`);
          }
          for (const one of main.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')) {
            if (!one.checkVisibility({ visibilityProperty: true }) || one.matches('.skip')) continue;
            const box = (one.matches('[type=radio], [type=checkbox]') && one.closest('label') || one).getBoundingClientRect();
            const isWithinText = one.matches('a') && getComputedStyle(one).display === 'inline' && one.parentElement.textContent.trim().length > one.textContent.trim().length;
            if (!isWithinText && (box.width < 23.5 || box.height < 23.5)) faults.add(`'${(one.innerText || one.ariaLabel || one.id).slice(0, 30)}' is a target of ${Math.round(box.width)} by ${Math.round(box.height)} pixels`);
          }
          return [...faults];
        }
        """;

    // What turns the writing around ends with the name that it is in: it is set apart, or nothing is beside it.
    private const string NamesScript = """
        () => {
          const faults = [];
          if (document.querySelector('main :is(img, script, b i, font)')) faults.push('a name became an element');
          const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
          while (texts.nextNode()) {
            const text = texts.currentNode.textContent;
            if (!text.includes('\u202e')) continue;
            if (/\u202e(gnp\.exe|reversed)[^\u2069]/.test(text)) faults.push(`a name turns around what follows it: '${text.slice(0, 120)}'`);
            let at = texts.currentNode.parentElement;
            while (getComputedStyle(at).display.startsWith('inline') && !getComputedStyle(at).unicodeBidi.startsWith('isolate')) at = at.parentElement;
            if (at.textContent.trim() !== text.trim() && at.textContent.trim().split('\u202e').length > 1 && !getComputedStyle(at).unicodeBidi.startsWith('isolate')) faults.push(`a name turns around what is beside it: '${at.textContent.trim().slice(0, 80)}'`);
          }
          return faults;
        }
        """;

    // Where the focus goes, noted as it goes, with whether it can be seen.
    private const string WatchScript = """
        () => {
          const isSeen = one => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
          const all = [...document.querySelectorAll('main :is(a[href], button, input, select, textarea, summary, [tabindex="0"])')]
            .filter(one => !one.disabled && one.type !== 'hidden' && one.tabIndex >= 0 && isSeen(one) && (one.type !== 'radio' || one.checked));
          const isWatching = !!window.walk;
          window.walk = { all, reached: [], unseen: [] };
          if (!isWatching) document.addEventListener('focusin', event => {
            const one = event.target, shown = one.matches('[type=radio]') ? one.nextElementSibling : one, style = getComputedStyle(shown);
            window.walk.reached.push(one);
            if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1) window.walk.unseen.push(one);
          });
          document.getElementById('content').focus();
          window.walk.reached = [];
          window.walk.unseen = [];
          return all.length;
        }
        """;

    private const string WalkedScript = """
        steps => {
          const name = one => `${one.tagName.toLowerCase()} '${(one.ariaLabel || one.innerText || one.id || one.placeholder || '').slice(0, 40)}'`;
          const { all, reached, unseen } = window.walk, faults = unseen.map(one => `the focus on ${name(one)} can not be seen`);
          const first = all.slice(0, steps).findIndex((one, i) => reached[i] !== one);
          if (first >= 0) faults.push(`Tab ${first + 1} reaches ${reached[first] ? name(reached[first]) : 'nothing'}, not ${name(all[first])}`);
          for (const one of document.querySelectorAll('main *')) {
            if (getComputedStyle(one).cursor !== 'pointer' || getComputedStyle(one.parentElement).cursor === 'pointer' || !one.checkVisibility()) continue;
            // Titles of a grid's columns are reached by its arrow keys.
            if (!one.closest('a[href], button, input, select, textarea, summary, label, [role=grid] th')) faults.push(`${name(one)} is worked by a pointer only`);
          }
          return faults;
        }
        """;

    // What is beyond the edge of a table is not found: no bar is drawn until it is scrolled.
    private const string WideScript = """
        () => [...document.querySelectorAll('main :is(.rz-data-grid-data, .scroll)')]
          .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1)
          .map(one => `the table '${one.closest('[aria-label]')?.ariaLabel}' is ${one.scrollWidth - one.clientWidth} pixels wider than its place`)
        """;

    // Side by side is in line, whether it is typed or chosen.
    private const string FormScript = """
        () => [...document.querySelectorAll('main :is(.form, .fields)')].flatMap(form => {
          const boxes = [...form.querySelectorAll(':is(input:not([type=checkbox]):not([type=radio]), select)')].filter(one => one.checkVisibility() && !one.closest('table')).map(one => one.getBoundingClientRect());
          return boxes.filter(box => boxes.some(other => Math.abs(other.bottom - box.bottom) < 6 && Math.abs(other.top - box.top) > .5)).slice(0, 1).map(box => `a field beside others begins ${Math.round(box.top)} pixels from the top, and they do not`);
        })
        """;

    // Of a row that is folded into a block, no cell lies over the next.
    private const string FoldScript = """
        () => [...document.querySelectorAll('main :is(.rz-data-row, .fold tbody tr)')].slice(0, 60).flatMap(row => {
          const cells = [...row.children].filter(cell => cell.checkVisibility()).map(cell => cell.getBoundingClientRect());
          return cells.some((box, i) => cells.some((other, j) => i < j && box.left < other.right - 1 && other.left < box.right - 1 && box.top < other.bottom - 1 && other.top < box.bottom - 1)) ? [`cells of '${row.innerText.slice(0, 40)}' lie over each other`] : [];
        })
        """;

    public static async Task<List<string>> AtDeskWidthAsync(IPage page) => [.. await FaultsAsync(page, WideScript), .. await FaultsAsync(page, FormScript)];

    public static async Task<List<string>> AtPhoneWidthAsync(IPage page) => [.. await FaultsAsync(page, PhoneScript), .. await FaultsAsync(page, FoldScript)];

    public static Task<List<string>> OfNamesAsync(IPage page) => FaultsAsync(page, NamesScript);

    /// <summary>Walks what is in the page by Tab: everything is reached in the order of reading, and is seen to be.</summary>
    public static async Task<List<string>> ByKeysAsync(IPage page)
    {
        await page.Locator(".head[data-live]").WaitForAsync();
        var faults = await WalkAsync(page);

        // The page is live: what came or went while it was walked is where it belongs the next time.
        return faults.Count == 0 ? faults : await WalkAsync(page);
    }

    private static async Task<List<string>> WalkAsync(IPage page)
    {
        var steps = Math.Min(MaxSteps, await page.EvaluateAsync<int>(WatchScript));
        for (var i = 0; i < steps; i++) await page.Keyboard.PressAsync("Tab");
        return await FaultsAsync(page, WalkedScript, steps);
    }

    private static async Task<List<string>> FaultsAsync(IPage page, string script, object? argument = null) =>
        [.. (await page.EvaluateAsync<JsonElement>(script, argument)).EnumerateArray().Select(fault => fault.GetString()!)];
}
