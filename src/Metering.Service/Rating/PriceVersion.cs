namespace Metering.Service.Rating;

/// <summary>One version of a price book, as given to <c>PUT /v1/price-books/{id}/versions/{n}</c>. Valid from an instant to another, exclusive.</summary>
public sealed record PriceVersion
{
    /// <summary>ISO 4217 code.</summary>
    public string Currency { get; init => field = value ?? ""; } = "";

    public DateTimeOffset? ValidFrom { get; init; }

    /// <summary>Left out: until further notice.</summary>
    public DateTimeOffset? ValidTo { get; init; }

    public IReadOnlyList<Price> Prices { get; init => field = value ?? []; } = [];

    internal long FromSeconds => ValidFrom?.ToUnixTimeSeconds() ?? 0;

    internal long ToSeconds => ValidTo?.ToUnixTimeSeconds() ?? long.MaxValue;
}
