namespace Metering.Agent.Journal;

/// <summary>Bounds of the journal (section <c>Journal</c>).</summary>
internal sealed record JournalOptions
{
    /// <summary><c>Journal:MaxBytes</c>: batches on disk, done ones included; 1 MiB to 1 TiB, default 1 GiB.</summary>
    public long MaxBytes { get; init; } = 1L << 30;

    /// <summary><c>Journal:Keep</c>: how long batches stay after the ledger has committed them, for a ledger restored from a backup; 0 to 365 d, default 48 h.</summary>
    public TimeSpan Keep { get; init; } = TimeSpan.FromHours(48);
}
