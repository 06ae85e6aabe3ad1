namespace Metering.Service.Tenants;

/// <summary>Whom usage is billed to.</summary>
public sealed class Tenant
{
    /// <summary>1 to 64 letters, digits, '-', '_' or '.'; never changes.</summary>
    public string Id { get; set; } = "";

    public string Name { get; set; } = "";

    /// <summary>IANA zone in which the tenant's days and months are.</summary>
    public string TimeZone { get; set; } = "UTC";

    /// <summary>ISO 4217 code.</summary>
    public string Currency { get; set; } = "EUR";

    /// <summary>The price book that rates its usage; empty: not priced.</summary>
    public string PriceBook { get; set; } = "";
}
