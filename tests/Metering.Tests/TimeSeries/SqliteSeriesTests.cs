using Metering.Tests.Support;

namespace Metering.Tests.TimeSeries;

/// <summary>The contract on SQLite.</summary>
public sealed class SqliteSeriesTests : SeriesContract
{
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-series-" + Path.GetRandomFileName())).FullName;

    protected override Task<string> ConnectionStringAsync() => Task.FromResult($"Data Source={Path.Combine(_directory, "ledger.db")}");

    protected override ValueTask EndAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
