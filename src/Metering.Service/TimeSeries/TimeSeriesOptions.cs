using Metering.Configuration;
using Metering.Safety;

namespace Metering.Service.TimeSeries;

/// <summary>Where points go (section <c>TimeSeries</c>).</summary>
public sealed record TimeSeriesOptions
{
    /// <summary>The server, without user and password; a path stands before that of the API.</summary>
    public required Uri Url { get; init; }

    /// <summary>Database, of InfluxDB 2 the bucket.</summary>
    public string Database { get; init; } = "metering";

    /// <summary>Organization of InfluxDB 2; others do not look at it.</summary>
    public string Organization { get; init; } = "metering";

    public string? Token { get; init; }

    /// <summary><c>user:password</c> of the URL, for servers without tokens.</summary>
    public string? Login { get; init; }

    /// <summary>How long one request may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Null when no server is named.</summary>
    public static TimeSeriesOptions? From(Settings settings)
    {
        if (settings.Url("TimeSeries:Url", "http", "https") is not { } url) return null;
        if (url.Query.Length > 0 || url.Fragment.Length > 0) throw UserErrorException.Usage("TimeSeries:Url has a query; give http://host:8086, and the database as TimeSeries:Database.");
        return new TimeSeriesOptions
        {
            Url = new UriBuilder(url) { UserName = "", Password = "" }.Uri,
            Login = url.UserInfo.Length > 0 ? Uri.UnescapeDataString(url.UserInfo) : null,
            Database = settings.Text("TimeSeries:Database") ?? "metering",
            Organization = settings.Text("TimeSeries:Organization") ?? "metering",
            Token = settings.Text("TimeSeries:Token"),
        };
    }
}
