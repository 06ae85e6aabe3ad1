using Metering.Service.Live;

namespace Metering.Cli.Top;

/// <summary>What the person at the keyboard has chosen. Changed by one key at a time.</summary>
internal sealed class TopState
{
    private const int MaxFilter = 60;
    private const string TenantFilter = "tenant:";

    public TopSort Sort { get; set; } = TopSort.Cpu;

    /// <summary>A text that host, kind, name, path or tenant hold, or <c>tenant:NAME</c>; empty: all.</summary>
    public string Filter { get; set; } = "";

    /// <summary>The filter being typed; null when none is.</summary>
    public string? Typing { get; private set; }

    /// <summary>Rows that are scrolled past.</summary>
    public int Offset { get; set; }

    public bool IsHelpShown { get; private set; }

    /// <summary>The figures are a demo's.</summary>
    public bool IsDemo { get; set; }

    /// <summary>Takes a key; false when it means to quit.</summary>
    /// <param name="view">What is on the screen: the tenants in it are those that <c>t</c> goes through.</param>
    public bool Take(ConsoleKeyInfo key, LiveView view)
    {
        if (Typing is { } text)
        {
            Type(key, text);
            return true;
        }

        IsHelpShown = key.KeyChar is '?' or 'h' && !IsHelpShown;
        switch (key.KeyChar)
        {
            case 'q' or 'Q': return false;
            case 'c': Sort = TopSort.Cpu; break;
            case 'm': Sort = TopSort.Memory; break;
            case 'i': Sort = TopSort.Io; break;
            case '$': Sort = TopSort.Cost; break;
            case 'n': Sort = TopSort.Name; break;
            case 't': Filter = NextTenant(view); break;
            case '/': Typing = Filter; break;
            default: Move(key.Key); return true;
        }

        Offset = 0;
        return true;
    }

    /// <summary>The rows that match, in order.</summary>
    public List<LiveWorkload> Choose(LiveView view)
    {
        var text = Typing ?? Filter;
        var chosen = view.Workloads.Where(row => Matches(row, text));
        return Sort switch
        {
            TopSort.Memory => [.. chosen.OrderByDescending(row => row.MemoryBytes ?? -1)],
            TopSort.Io => [.. chosen.OrderByDescending(row => row.IoBytesPerSecond ?? -1)],
            TopSort.Cost => [.. chosen.OrderByDescending(row => row.CostPerHour ?? -1)],
            TopSort.Name => [.. chosen.OrderBy(row => row.Name, StringComparer.OrdinalIgnoreCase)],
            _ => [.. chosen.OrderByDescending(row => row.CpuCores ?? -1)],
        };
    }

    // From all to each tenant by name, and back to all.
    private string NextTenant(LiveView view)
    {
        var present = Filter.StartsWith(TenantFilter, StringComparison.Ordinal) ? Filter[TenantFilter.Length..] : "";
        var next = view.Workloads.Select(row => row.Tenant).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).FirstOrDefault(tenant => string.CompareOrdinal(tenant, present) > 0);
        return next is null ? "" : TenantFilter + next;
    }

    private void Move(ConsoleKey key) => Offset = Math.Max(0, Offset + key switch
    {
        ConsoleKey.DownArrow => 1,
        ConsoleKey.UpArrow => -1,
        ConsoleKey.PageDown => 10,
        ConsoleKey.PageUp => -10,
        ConsoleKey.Home => -Offset,
        ConsoleKey.Escape => ClearFilter(),
        _ => 0,
    });

    private int ClearFilter()
    {
        Filter = "";
        return 0;
    }

    private void Type(ConsoleKeyInfo key, string text)
    {
        if (key.Key == ConsoleKey.Enter) (Filter, Typing, Offset) = (text, null, 0);
        else if (key.Key == ConsoleKey.Escape) Typing = null;
        else if (key.Key == ConsoleKey.Backspace) Typing = text.Length > 0 ? text[..^1] : text;
        else if (!char.IsControl(key.KeyChar) && text.Length < MaxFilter) Typing = text + key.KeyChar;
    }

    private static bool Matches(LiveWorkload row, string text)
    {
        if (text.StartsWith(TenantFilter, StringComparison.Ordinal)) return row.Tenant == text[TenantFilter.Length..];
        return text.Length == 0 || new[] { row.Name, row.Path, row.Tenant, row.Kind, row.Host }.Any(value => value.Contains(text, StringComparison.OrdinalIgnoreCase));
    }
}
