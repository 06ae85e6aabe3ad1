using System.Diagnostics;
using Metering.Service.Ingest;

namespace Metering.Benchmarks.Ingest;

/// <summary>Tells when the first delivery came in and when the last of so many was committed.</summary>
internal sealed class CountingIngest(IIngest inner, int expected) : IIngest
{
    private readonly TaskCompletionSource<TimeSpan> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _began;
    private int _committed;

    /// <summary>From the first delivery to the commit of the last.</summary>
    public Task<TimeSpan> Done => _done.Task;

    public async Task<IngestAnswer> CommitAsync(Delivery delivery, CancellationToken cancel)
    {
        Interlocked.CompareExchange(ref _began, Stopwatch.GetTimestamp(), 0);
        var answer = await inner.CommitAsync(delivery, cancel);
        if (answer.Result != IngestResult.Committed) _done.TrySetException(new InvalidOperationException($"A delivery was {answer.Result}: {answer.Reason}"));
        if (Interlocked.Increment(ref _committed) == expected) _done.TrySetResult(Stopwatch.GetElapsedTime(_began));
        return answer;
    }
}
