namespace Metering.Service.Rating;

/// <summary>The draft of a price book. The version that is valid last is taken, as if it had been valid all the time.</summary>
internal sealed record DryRunDraft
{
    public IReadOnlyList<PriceVersion> Versions { get; init => field = value ?? []; } = [];
}
