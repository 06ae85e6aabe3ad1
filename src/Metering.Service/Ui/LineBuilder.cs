using Metering.Service.Reports;

namespace Metering.Service.Ui;

/// <summary>Adds rows up by tenant or by tenant and workload, hour by hour and in total.</summary>
internal sealed class LineBuilder
{
    private readonly Dictionary<string, Line> _lines = new(StringComparer.Ordinal);

    internal sealed record Line(string Id, string Tenant, WorkloadKey? Workload, Amounts Total, Dictionary<DateTimeOffset, Amounts> Hours);

    public IReadOnlyCollection<Line> Lines => _lines.Values;

    /// <summary>The sums that a row belongs to: its line's total and its hour.</summary>
    public List<Amounts> Add(string tenant, WorkloadKey? workload, DateTimeOffset start)
    {
        // U+001F can not stand in a tenant's id, a host or a kind, and the workload's id comes last.
        var id = workload is null ? tenant : string.Join('\u001f', tenant, workload.Host, workload.Kind, workload.Id);
        if (!_lines.TryGetValue(id, out var line)) _lines[id] = line = new Line(id, tenant, workload, new Amounts(), []);
        if (!line.Hours.TryGetValue(start, out var hour)) line.Hours[start] = hour = new Amounts();
        return [line.Total, hour];
    }
}
