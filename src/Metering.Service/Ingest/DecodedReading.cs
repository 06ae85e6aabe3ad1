using System.Runtime.InteropServices;

namespace Metering.Service.Ingest;

/// <summary>One meter's quantity, in the meter's base unit.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct DecodedReading(int Meter, long Quantity, int Availability);
