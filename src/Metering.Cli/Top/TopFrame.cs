using System.Globalization;
using Metering.Cli.Client;
using Metering.Service.Live;

namespace Metering.Cli.Top;

/// <summary>Draws one frame as lines of text, each at most as wide as the terminal. Pure: the same view, state and size give the same lines.</summary>
internal sealed class TopFrame(int width, int height, bool colour)
{
    public const int MinWidth = 60, MinHeight = 10;
    private const string Unknown = "–";

    /// <summary>Cells that a name has at least.</summary>
    private const int LeastName = 17;

    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Draw(LiveView view, TopState state, DateTimeOffset now, string? trouble)
    {
        _lines.Clear();
        if (width < MinWidth || height < MinHeight) return [.. Wrap($"The terminal is {width}×{height}; {MinWidth}×{MinHeight} is the least.").Take(Math.Max(1, height)).Select(Fit)];
        Head(view, state, now, trouble);
        var rows = state.Choose(view);
        var foot = Foot(view, rows, state);
        var room = height - _lines.Count - foot.Count - 1;
        state.Offset = Math.Clamp(state.Offset, 0, Math.Max(0, rows.Count - room));
        Table(rows.Skip(state.Offset).Take(room).ToList(), state, view.Hosts.Count > 1);
        if (rows.Count == 0) _lines.Add(Fit(view.Workloads.Count == 0 ? "No usage in the last minute. The first pass only finds where counting begins; the second one bills." : "No workload matches the filter; Esc clears it."));
        while (_lines.Count < height - foot.Count) _lines.Add("");
        _lines.AddRange(foot);
        return _lines;
    }

    private void Head(LiveView view, TopState state, DateTimeOffset now, string? trouble)
    {
        var end = view.Hosts.Count > 0 ? view.Hosts.Max(host => host.WindowEnd) : (DateTimeOffset?)null;
        var of = view.Hosts.Count > 0 ? $"{Cores(view.CpuCores)} of {view.Hosts.Sum(host => host.Cpus):0.##} cores" : $"{Cores(view.CpuCores)} cores";
        var hosts = view.Hosts.Count switch { 0 => "", 1 => CellText.Cut(view.Hosts[0].Host, width < 100 ? 12 : 40) + "  ", _ => $"{view.Hosts.Count} hosts  " };
        var age = end is { } at ? string.Create(CultureInfo.InvariantCulture, $"  window {view.Hosts.Max(host => host.WindowSeconds):0.#} s, {Math.Max(0, (now - at).TotalSeconds):0} s old") : "";
        _lines.Add(Paint("1", Fit($"metering  {(state.IsDemo ? "DEMO  " : "")}{hosts}{view.Workloads.Count} workloads  {of}{age}")));
        var alarms = view.Hosts.Select(host => (host.Host, Text: AlarmText.Of(host.Alarms))).Where(host => host.Text.Length > 0).ToList();
        if (trouble is not null) _lines.AddRange(Wrap("! " + trouble).Select(line => Paint("31;1", Fit(line))));
        else if (alarms.Count > 0) _lines.Add(Paint("31;1", Fit($"! {alarms[0].Host}: {alarms[0].Text}{(alarms.Count > 1 ? $", and {alarms.Count - 1} hosts more" : "")}")));
        else if (view.IsCut) _lines.Add(Paint("35", Fit("! more workloads or batches than this view takes; figures are of the newest")));
        else _lines.Add("");
    }

    // What went wrong ends with what to do about it, so that it is not cut; three lines hold any of ours.
    private List<string> Wrap(string text)
    {
        var lines = new List<string>();
        while (text.Length > width && lines.Count < 2)
        {
            var at = text.LastIndexOf(' ', width - 1);
            if (at <= 0) break;
            lines.Add(text[..at]);
            text = "  " + text[(at + 1)..];
        }

        lines.Add(text);
        return lines;
    }

    private void Table(List<LiveWorkload> rows, TopState state, bool severalHosts)
    {
        // What can be spared goes where a name would have no room: the kind, then I/O, or the cost when it is sorted by I/O.
        var showHost = severalHosts && width >= 100;
        var showPath = width >= 130;
        var nameWidth = width - 8 - 9 - 9 - 11 - 14 - 12 - (showHost ? 17 : 0);
        var showKind = nameWidth >= LeastName;
        if (!showKind) nameWidth += 12;
        var (showIo, showCost) = (true, true);
        if (nameWidth < LeastName) (showIo, showCost, nameWidth) = state.Sort == TopSort.Io ? (true, false, nameWidth + 11) : (false, true, nameWidth + 9);
        if (showPath) nameWidth = 28;
        _lines.Add(Paint("7", Cut(Line(Mark("CPU", TopSort.Cpu), Mark("MEMORY", TopSort.Memory), Mark("I/O /s", TopSort.Io), Mark("COST/h", TopSort.Cost), "TENANT", "KIND", "HOST", Cut(Mark("NAME", TopSort.Name), nameWidth), "PATH"), width)));
        foreach (var row in rows)
        {
            var line = Line(row.CpuCores is { } cores ? Cores(cores) : Unknown, row.MemoryBytes is { } memory ? Bytes(memory) : Unknown, row.IoBytesPerSecond is { } io ? Bytes(io) : Unknown, Cost(row), row.Tenant, row.Kind, row.Host, Name(row.Name, nameWidth), row.Path);
            _lines.Add(row.Tenant == "unattributed" ? Paint("2", Fit(line)) : Fit(line));
        }

        string Line(string cpu, string memory, string io, string cost, string tenant, string kind, string host, string name, string path) =>
            Right(cpu, 7) + " " + Right(memory, 8) + " " + (showIo ? Right(io, 8) + " " : "") + (showCost ? Right(cost, 10) + " " : "") + " " + Cut(tenant, 12) + " " + (showKind ? Cut(kind, 11) + " " : "") +
            (showHost ? Cut(host, 16) + " " : "") + name + (showPath ? " " + path : "");

        string Mark(string name, TopSort sort) => state.Sort == sort ? name + (sort == TopSort.Name ? "▲" : "▼") : name;
    }

    private List<string> Foot(LiveView view, List<LiveWorkload> rows, TopState state)
    {
        var foot = new List<string> { Paint("2", new string('─', width)) };
        var parts = new List<string> { $"unattributed {Cores(view.UnattributedCores)} cores{(view.CpuCores > 0 ? $" ({Share(view.UnattributedCores / view.CpuCores)})" : "")}" };
        if (view.Hosts.Count > 0) parts.Add(string.Create(CultureInfo.InvariantCulture, $"held {view.HeldMicroseconds:#,##0} µs"));
        if (view.UnscrapedShare is { } share) parts.Add($"a 15 s scraper misses {Share(share)}");
        foot.Add(Fit(string.Join("   ", parts)));
        foot.Add(Fit(RunRate(rows)));
        if (view.Hosts.Count > 0)
            foot.Add(Fit($"host overhead {Cores(view.Hosts.Sum(host => host.SystemCores))} cores outside any cgroup   idle {Cores(Math.Max(0, (decimal)view.Hosts.Sum(host => host.Cpus) - view.CpuCores))} cores"));
        if (state.Typing is { } typing) foot.Add(Fit($"filter: {typing}_   (text, or tenant:NAME; Enter keeps it, Esc drops it)"));
        else if (state.IsHelpShown) foot.Add(Fit("arrows, PgUp/PgDn scroll   t goes through the tenants   Esc clears the filter   – is unknown, not 0"));
        else foot.Add(Paint("2", Fit(state.Filter.Length > 0 ? $"[{CellText.Cut(state.Filter, 24)}]  Esc clears it  t next tenant  / filter  ? help  q quit" : "c CPU  m memory  i I/O  $ cost  n name  t tenant  / filter  ? help  q quit")));
        return foot;
    }

    // Of the rows that the filter leaves, by currency; an average month has 730 hours.
    private static string RunRate(List<LiveWorkload> rows)
    {
        var priced = rows.Where(row => row.CostPerHour is not null).GroupBy(row => row.Currency, (currency, group) => (currency, Hour: group.Sum(row => row.CostPerHour!.Value))).OrderBy(sum => sum.currency, StringComparer.Ordinal);
        var parts = priced.Select(sum => string.Create(CultureInfo.InvariantCulture, $"{sum.Hour:#,##0.00##} {sum.currency}/h, {sum.Hour * 730:#,##0.00} a month")).ToList();
        return parts.Count == 0 ? "run rate unknown: no price applies to these" : "run rate " + string.Join("   ", parts);
    }

    private static string Cost(LiveWorkload row) => row.CostPerHour is { } cost ? cost.ToString(cost >= 1 ? "0.00" : "0.0000", CultureInfo.InvariantCulture) + " " + row.Currency : Unknown;

    // Paths tell more at their end.
    private static string Name(string name, int cells)
    {
        if (name is not ['/', ..] || name.Length <= cells) return Cut(name, cells);
        var tail = Tables.Inert(name[^(cells - 1)..]);
        return Cut("…" + tail, cells);
    }

    // Three digits are enough at a glance; exact figures are in 'metering usage'.
    private static string Bytes(decimal bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        var unit = 0;
        for (; bytes >= 1000 && unit < units.Length - 1; unit++) bytes /= 1024;
        return bytes.ToString(unit == 0 || bytes >= 100 ? "0" : bytes >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    private static string Cores(decimal cores) => cores.ToString(cores >= 100 ? "0.0" : "0.000", CultureInfo.InvariantCulture);

    private static string Share(decimal share) => (share * 100).ToString("0.##", CultureInfo.InvariantCulture) + " %";

    private string Paint(string code, string text) => colour ? $"\u001b[{code}m{text}\u001b[0m" : text;

    private string Fit(string text) => CellText.Cut(Tables.Inert(text), width).TrimEnd();

    private static string Cut(string text, int cells) => CellText.Pad(CellText.Cut(Tables.Inert(text), cells), cells);

    private static string Right(string text, int cells) => CellText.PadLeft(text, cells);
}
