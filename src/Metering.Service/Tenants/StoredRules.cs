namespace Metering.Service.Tenants;

/// <summary>All ownership rules as one document: they are ordered, so they change together.</summary>
public sealed class StoredRules
{
    public int Id { get; set; } = 1;

    public string Json { get; set; } = "[]";
}
