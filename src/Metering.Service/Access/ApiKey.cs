namespace Metering.Service.Access;

/// <summary>A credential. Only the hash of its secret is stored.</summary>
public sealed class ApiKey
{
    public string Id { get; set; } = "";

    public byte[] Hash { get; set; } = [];

    /// <summary><c>admin</c>, <c>finance</c>, <c>reader</c> (of a tenant), <c>agent</c> (of a host), <c>scrape</c>.</summary>
    public string Role { get; set; } = "";

    public string? Tenant { get; set; }

    public string? Host { get; set; }

    public string Name { get; set; } = "";

    public long CreatedAt { get; set; }

    public long? ExpiresAt { get; set; }

    public long? LastUsedAt { get; set; }
}
