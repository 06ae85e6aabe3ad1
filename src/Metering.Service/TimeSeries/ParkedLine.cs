namespace Metering.Service.TimeSeries;

/// <summary>A line that the server does not take, and its reason.</summary>
internal sealed record ParkedLine(string Line, string Reason);
