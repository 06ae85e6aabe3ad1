namespace Metering.Service.Rating;

/// <summary>An amount that invoices are paid from until it is used up or has expired.</summary>
public sealed record Balance
{
    public string Id { get; init => field = value ?? ""; } = "";

    public decimal Amount { get; init; }

    /// <summary>Periods that end after this may draw on it.</summary>
    public DateTimeOffset? ValidFrom { get; init; }

    /// <summary>Periods that begin at or after this do not; left out: it does not expire.</summary>
    public DateTimeOffset? ValidTo { get; init; }
}
