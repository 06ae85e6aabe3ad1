using System.Runtime.InteropServices;

namespace Metering.Service.TimeSeries;

/// <summary>The answer to a request.</summary>
/// <param name="Reason">In the server's words or ours; empty when accepted.</param>
/// <param name="RetryAfter">The wait that the server asked for.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct WriteAnswer(WriteOutcome Outcome, string Reason, TimeSpan? RetryAfter = null);
