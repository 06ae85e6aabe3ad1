namespace Metering.Service.TimeSeries;

/// <summary>A refused line as listed.</summary>
internal sealed record ParkedView(long Id, DateTimeOffset At, string Line, string Reason);
