namespace Metering.Service.Quotas;

/// <summary>A quota as the document it was given as.</summary>
public sealed class StoredQuota
{
    public string Id { get; set; } = "";

    public string Json { get; set; } = "{}";
}
