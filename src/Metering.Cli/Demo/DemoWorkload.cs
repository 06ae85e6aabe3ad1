namespace Metering.Cli.Demo;

/// <summary>A workload of the demo's fleet: what it is, whose it is, and what it uses at the mean of a working day.</summary>
/// <param name="Cores">Mean use of CPU over a day.</param>
/// <param name="Memory">GiB.</param>
/// <param name="Read">MiB per second, as the next two.</param>
/// <param name="Reserved">Cores of its limit; 0: no limit.</param>
internal sealed record DemoWorkload(string Kind, string Name, string? Tenant, string? Project, DemoShape Shape, double Cores, double Memory, double Read, double Written, double Sent, double Reserved = 0)
{
    /// <summary>How much of its mean it uses at an hour of the day in UTC: 0 or more, about 1 over a day.</summary>
    public double Share(DateTimeOffset at)
    {
        var hour = at.TimeOfDay.TotalHours;
        var isWeekend = at.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday;
        return Shape switch
        {
            DemoShape.Office => (1 - 0.85 * Math.Cos((hour - 1) / 24 * 2 * Math.PI)) * (isWeekend ? 0.35 : 1.2),
            DemoShape.Nightly => hour is >= 1 and < 5 ? 6 : 0,
            DemoShape.Evening => 1 - 0.6 * Math.Cos((hour - 7) / 24 * 2 * Math.PI),
            _ => 1,
        };
    }
}
