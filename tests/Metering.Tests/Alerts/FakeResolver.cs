using System.Net;
using Metering.Service.Alerts;

namespace Metering.Tests.Alerts;

/// <summary>Answers each look-up with the next of its answers, and the last one for ever.</summary>
internal sealed class FakeResolver(params string[][] answers) : IHostResolver
{
    private int asked;

    public int Asked => asked;

    public Task<IReadOnlyList<IPAddress>> ResolveAsync(string host, CancellationToken cancel)
    {
        var answer = answers[Math.Min(Interlocked.Increment(ref asked) - 1, answers.Length - 1)];
        return Task.FromResult<IReadOnlyList<IPAddress>>([.. answer.Select(IPAddress.Parse)]);
    }
}
