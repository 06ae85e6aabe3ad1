using System.Runtime.InteropServices;

namespace Metering.Service.TimeSeries;

/// <summary>Numbers of batches, both ends included.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct SequenceRange(long First, long Last);
