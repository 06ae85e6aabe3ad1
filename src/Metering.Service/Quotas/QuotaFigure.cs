using System.Runtime.InteropServices;

namespace Metering.Service.Quotas;

/// <summary>A stored figure: the start of its window, bucket or minute (Unix seconds), its component, and what was used in base units.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct QuotaFigure(long Start, string Component, Int128 Used);
