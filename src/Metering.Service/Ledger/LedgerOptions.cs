using Metering.Configuration;

namespace Metering.Service.Ledger;

/// <summary>Where the ledger is kept and how fine it is (section <c>Ledger</c>).</summary>
public sealed record LedgerOptions
{
    /// <summary><c>Data Source=</c> is SQLite, <c>Host=</c> PostgreSQL.</summary>
    public required string ConnectionString { get; init; }

    /// <summary>Length of a bucket: 1 h or 15 min.</summary>
    public TimeSpan Grain { get; init; } = TimeSpan.FromHours(1);

    public const int DefaultMaxNewWorkloads = 100_000;

    /// <summary>Workloads that may be new of one host in one bucket; usage beyond goes to one workload of kind <c>over-bound</c>.</summary>
    public int MaxNewWorkloads { get; init; } = DefaultMaxNewWorkloads;

    public bool IsPostgres => ConnectionString.Contains("Host=", StringComparison.OrdinalIgnoreCase);

    public long GrainSeconds => (long)Grain.TotalSeconds;

    public static LedgerOptions From(Settings settings, string dataDirectory)
    {
        var connection = settings.Text("Ledger:ConnectionString") ?? $"Data Source={Path.Combine(dataDirectory, "ledger.db")}";
        if (!connection.Contains("Host=", StringComparison.OrdinalIgnoreCase) && !connection.Contains("Data Source=", StringComparison.OrdinalIgnoreCase))
            throw Safety.UserErrorException.Usage("Ledger:ConnectionString is neither 'Data Source=FILE' (SQLite) nor 'Host=…;Username=…;Password=…;Database=…' (PostgreSQL).");
        var grain = settings.Time("Ledger:Grain", TimeSpan.FromHours(1), TimeSpan.FromMinutes(15), TimeSpan.FromHours(1));
        if (grain != TimeSpan.FromHours(1) && grain != TimeSpan.FromMinutes(15)) throw Settings.Wrong("Ledger:Grain", settings.Text("Ledger:Grain")!, "1h or 15min");
        return new LedgerOptions { ConnectionString = connection, Grain = grain, MaxNewWorkloads = (int)settings.Whole("Ledger:MaxNewWorkloads", DefaultMaxNewWorkloads, 1, 10_000_000) };
    }
}
