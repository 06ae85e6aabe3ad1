namespace Metering.Service.Quotas;

/// <summary>A plan as the document it was given as.</summary>
public sealed class StoredQuotaPlan
{
    public string Id { get; set; } = "";

    public string Json { get; set; } = "{}";
}
