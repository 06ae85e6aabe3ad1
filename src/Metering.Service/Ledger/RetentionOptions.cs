using Metering.Configuration;

namespace Metering.Service.Ledger;

/// <summary>How long the bytes of batches are kept (section <c>Retention</c>). Receipts with their hashes, usage, coverage, conservation, charges and documents are kept as long as the ledger.</summary>
public sealed record RetentionOptions
{
    /// <summary>Where the period of a batch is closed.</summary>
    public TimeSpan Batches { get; init; } = TimeSpan.FromDays(400);

    /// <summary>Where it is not: for those who never close one.</summary>
    public TimeSpan OpenBatches { get; init; } = TimeSpan.FromDays(800);

    public static RetentionOptions From(Settings settings)
    {
        var batches = settings.Time("Retention:Batches", TimeSpan.FromDays(400), TimeSpan.FromDays(2), TimeSpan.FromDays(36_500));
        var otherwise = batches > TimeSpan.FromDays(800) ? batches : TimeSpan.FromDays(800);
        return new RetentionOptions { Batches = batches, OpenBatches = settings.Time("Retention:OpenBatches", otherwise, batches, TimeSpan.FromDays(36_500)) };
    }
}
