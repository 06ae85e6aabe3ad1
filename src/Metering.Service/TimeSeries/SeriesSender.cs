using Metering.LineProtocol;
using Microsoft.Extensions.Logging;

namespace Metering.Service.TimeSeries;

/// <summary>
/// Sends lines until each is in or parked: batches of <see cref="MaxLines"/>; a batch that holds a bad line is halved until that line is found, and the rest goes in; one that is too large is halved.
/// What the server can not take now is sent again, after a wait that doubles to <see cref="LongestWait"/>, with jitter, and never shorter than the server asks for.
/// </summary>
internal sealed partial class SeriesSender(SeriesTarget target, SeriesState state, TimeProvider clock, Random random, ILogger log)
{
    public const int MaxLines = 5_000;

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    /// <summary>Where a person has to put something right, there is no hurry.</summary>
    private static readonly TimeSpan StoppedWait = TimeSpan.FromSeconds(60);

    /// <summary>Ends when all lines are in or added to <paramref name="parked"/>. Throws only when cancelled.</summary>
    public async Task SendAsync(LineBuffer lines, List<ParkedLine> parked, CancellationToken cancel)
    {
        for (var first = 0; first < lines.Count; first += MaxLines) await SendAsync(lines, first, Math.Min(MaxLines, lines.Count - first), parked, cancel);
    }

    private async Task SendAsync(LineBuffer lines, int first, int count, List<ParkedLine> parked, CancellationToken cancel)
    {
        var answer = await InsistAsync(lines, first, count, cancel);
        if (answer.Outcome == WriteOutcome.Accepted) return;
        if (count == 1)
        {
            parked.Add(new ParkedLine(lines.Text(first), answer.Reason));
            SeriesState.HasParked(1);
            return;
        }

        await SendAsync(lines, first, count / 2, parked, cancel);
        await SendAsync(lines, first + count / 2, count - count / 2, parked, cancel);
    }

    // Until the server says something about the lines.
    private async Task<WriteAnswer> InsistAsync(LineBuffer lines, int first, int count, CancellationToken cancel)
    {
        for (var wait = FirstWait; ; wait = wait < LongestWait / 2 ? wait * 2 : LongestWait)
        {
            var answer = await target.WriteAsync(lines.Lines(first, count), cancel);
            state.Asked(answer.Outcome, count);
            if (answer.Outcome is not (WriteOutcome.Busy or WriteOutcome.Stopped)) return answer;
            if (state.Waits(answer.Reason)) LogWaits(log, answer.Reason);
            var pause = answer.Outcome == WriteOutcome.Stopped ? StoppedWait : wait * (0.5 + NextDouble() / 2);
            await Task.Delay(answer.RetryAfter > pause ? answer.RetryAfter.Value : pause, clock, cancel);
        }
    }

    private double NextDouble()
    {
        lock (random) return random.NextDouble();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The time series wait: {Reason}")]
    private static partial void LogWaits(ILogger log, string reason);
}
