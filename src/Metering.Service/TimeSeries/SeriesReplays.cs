using System.Globalization;
using Metering.Service.Ledger;

namespace Metering.Service.TimeSeries;

/// <summary>Opens a hole in the cursor where a batch came out of quarantine, in the transaction that bills it: the follower has passed it, and comes back for it.</summary>
internal sealed class SeriesReplays : IUsageListener
{
    public Task UsageAddedAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows, LedgerSnapshot snapshot, DateTimeOffset now) => Task.CompletedTask;

    // Beyond the cursor it is met in its turn.
    public Task BatchReleasedAsync(LedgerTransaction transaction, long agent, long first, long last) => transaction.ExecuteAsync(
        "UPDATE series_cursor SET holes = CASE WHEN holes = '' THEN @hole ELSE holes || ',' || @hole END WHERE agent = @agent AND written >= @last",
        ("@agent", agent), ("@hole", string.Create(CultureInfo.InvariantCulture, $"{first}-{last}")), ("@last", last));
}
