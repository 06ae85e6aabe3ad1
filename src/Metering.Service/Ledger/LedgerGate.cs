namespace Metering.Service.Ledger;

/// <summary>
/// Orders the writing of usage and the beginning of a closing: whoever writes usage sees the mark <c>billed_until</c>, or has committed before it is set.
/// On SQLite the one writer is the order; on PostgreSQL, where replicas write at once, it is an advisory lock.
/// </summary>
internal static class LedgerGate
{
    private const string BilledUntil = "billed_until";
    private const long Lock = 0x6d65_7465_7202;

    /// <summary>Before the mark is read, by who writes usage; shared, until the transaction ends.</summary>
    public static Task EnterAsync(LedgerTransaction transaction) =>
        transaction.Store.IsPostgres ? transaction.ExecuteAsync("SELECT pg_advisory_xact_lock_shared(@lock)", ("@lock", Lock)) : Task.CompletedTask;

    /// <summary>Waits for those who write usage now; who writes later sees what this transaction does.</summary>
    public static Task WaitAsync(LedgerTransaction transaction) =>
        transaction.Store.IsPostgres ? transaction.ExecuteAsync("SELECT pg_advisory_xact_lock(@lock)", ("@lock", Lock)) : Task.CompletedTask;

    /// <summary>Waits for those who write now, then moves the mark forward: usage of earlier buckets is late from here on.</summary>
    public static async Task BillUntilAsync(LedgerTransaction transaction, long seconds)
    {
        if (transaction.Store.IsPostgres) await transaction.ExecuteAsync("SELECT pg_advisory_xact_lock(@lock)", ("@lock", Lock));
        if (await BilledUntilAsync(transaction) >= seconds) return;
        await transaction.ExecuteAsync("INSERT INTO meta (key, value) VALUES (@key, @value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            ("@key", BilledUntil), ("@value", seconds.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        await LedgerSnapshot.RaiseAsync(transaction);
    }

    /// <summary>Usage of buckets before this (Unix seconds) is late: it may have been billed.</summary>
    public static async Task<long> BilledUntilAsync(LedgerTransaction transaction) =>
        await transaction.ScalarAsync(transaction.Command("SELECT value FROM meta WHERE key = @key", ("@key", BilledUntil))) ?? long.MinValue;
}
