using Metering.Configuration;

namespace Metering.Service.Reports.Schedules;

/// <summary>Where scheduled reports go, and how long they are kept (section <c>Reports</c>).</summary>
public sealed record ReportOptions
{
    /// <summary>Deliveries to directories lie below this.</summary>
    public required string Directory { get; init; }

    /// <summary>How long what was made can be fetched.</summary>
    public TimeSpan Keep { get; init; } = TimeSpan.FromDays(90);

    public static ReportOptions From(Settings settings, string dataDirectory) => new()
    {
        Directory = Path.GetFullPath(settings.Text("Reports:Directory") ?? Path.Combine(dataDirectory, "reports")),
        Keep = settings.Time("Reports:Keep", TimeSpan.FromDays(90), TimeSpan.FromDays(1), TimeSpan.FromDays(3650)),
    };
}
