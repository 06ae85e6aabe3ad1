namespace Metering.Service.Reports;

/// <summary>A meter as listed by <c>GET /v1/meters</c>; quantities on the wire are <paramref name="Scale"/> times those of the API.</summary>
internal sealed record MeterView(string Name, string WireName, string Unit, long Scale, string Kind, string Family, string Source);
