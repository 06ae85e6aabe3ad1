namespace Metering.Service.TimeSeries;

/// <summary>One of the ways in which servers take line protocol over HTTP.</summary>
/// <param name="Name">As shown to people.</param>
internal sealed record WriteApi(string Name, string Path, Func<TimeSeriesOptions, string> Query, string TokenScheme)
{
    /// <summary>The newest first: a server that has a newer one serves the older ones with fewer features.</summary>
    public static readonly IReadOnlyList<WriteApi> All =
    [
        new("InfluxDB 3, /api/v3/write_lp", "/api/v3/write_lp", options => $"db={Escape(options.Database)}&precision=nanosecond", "Bearer"),
        new("InfluxDB 2, /api/v2/write", "/api/v2/write", options => $"bucket={Escape(options.Database)}&org={Escape(options.Organization)}&precision=ns", "Token"),
        new("InfluxDB 1, /write", "/write", options => $"db={Escape(options.Database)}&precision=ns", "Token"),
    ];

    public Uri At(TimeSeriesOptions options) => new(options.Url.GetLeftPart(UriPartial.Path).TrimEnd('/') + Path + "?" + Query(options));

    private static string Escape(string text) => Uri.EscapeDataString(text);
}
