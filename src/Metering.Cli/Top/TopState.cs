using Metering.Service.Live;

namespace Metering.Cli.Top;

/// <summary>What the person at the keyboard has chosen. Changed by one key at a time.</summary>
internal sealed class TopState
{
    private const int MaxFilter = 60;

    public TopSort Sort { get; set; } = TopSort.Cpu;

    /// <summary>A text that host, kind, name, path or tenant hold, or <c>tenant:NAME</c>; empty: all.</summary>
    public string Filter { get; set; } = "";

    /// <summary>The filter being typed; null when none is.</summary>
    public string? Typing { get; private set; }

    /// <summary>Rows that are scrolled past.</summary>
    public int Offset { get; set; }

    public bool IsHelpShown { get; private set; }

    /// <summary>Takes a key; false when it means to quit.</summary>
    public bool Take(ConsoleKeyInfo key)
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
        if (text.StartsWith("tenant:", StringComparison.Ordinal)) return row.Tenant == text[7..];
        return text.Length == 0 || new[] { row.Name, row.Path, row.Tenant, row.Kind, row.Host }.Any(value => value.Contains(text, StringComparison.OrdinalIgnoreCase));
    }
}
