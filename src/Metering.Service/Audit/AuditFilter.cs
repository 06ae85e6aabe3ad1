namespace Metering.Service.Audit;

/// <summary>Which changes are asked for; null does not restrict.</summary>
/// <param name="Actor">Name of the actor, or the principal such as <c>key:AbC</c>; exactly.</param>
/// <param name="Action">Exactly, or a beginning such as <c>quota.*</c>.</param>
/// <param name="Subject">Exactly, or a beginning such as <c>standard/*</c>.</param>
/// <param name="From">The first instant.</param>
/// <param name="To">The instant after the last.</param>
public sealed record AuditFilter(string? Actor = null, string? Action = null, string? Subject = null, DateTimeOffset? From = null, DateTimeOffset? To = null);
