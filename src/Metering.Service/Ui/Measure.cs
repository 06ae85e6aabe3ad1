using Metering.Meters;

namespace Metering.Service.Ui;

/// <summary>A figure that can be asked for and drawn: the cost, or what a meter counted.</summary>
/// <param name="Name">As in a link: <c>cost</c>, or the API name of a meter.</param>
/// <param name="Title">For people.</param>
internal sealed record Measure(string Name, string Title)
{
    private const decimal GiB = 1L << 30, MiB = 1L << 20;

    public static readonly Measure Cost = new("cost", "Cost");

    public static readonly IReadOnlyList<Measure> All = [Cost, .. MeterCatalogue.All.Select(meter => new Measure(meter.Name, MeterTitle.Of(meter)) { Meter = meter })];

    public Meter? Meter { get; private init; }

    public static Measure? Find(string name) => All.FirstOrDefault(one => one.Name == name);

    /// <summary>The unit that a figure of this size reads well in, and how much of the API's unit it is.</summary>
    /// <param name="tallest">The largest figure that is drawn.</param>
    public (string Unit, decimal Scale) UnitFor(decimal tallest, string currency) => (Meter?.Unit, tallest) switch
    {
        (null, _) => (currency, 1),
        ("seconds", >= 720) => (IsCpu ? "core-hours" : "hours", 3600),
        ("seconds", _) => (IsCpu ? "CPU seconds" : "seconds", 1),
        ("byte-seconds", >= 3600 * GiB / 2) => ("GiB·h", 3600 * GiB),
        ("byte-seconds", _) => ("MiB·h", 3600 * MiB),
        ("bytes", >= GiB) => ("GiB", GiB),
        ("bytes", _) => ("MiB", MiB),
        var (unit, _) => (unit, 1),
    };

    private bool IsCpu => Meter is not null && Meter.Name.StartsWith("cpu", StringComparison.Ordinal);
}
