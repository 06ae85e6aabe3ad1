namespace Metering.Service.Ui;

/// <summary>A key as <c>/v1/api-keys</c> lists it.</summary>
public sealed record KeyLine(string Id, string Role, string? Name, string? Tenant, string? Host, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt);
