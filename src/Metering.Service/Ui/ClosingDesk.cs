using System.Collections.Concurrent;
using System.Security.Claims;

namespace Metering.Service.Ui;

/// <summary>Closings that were begun from a page: each goes on when its page is left, and whoever opens the month sees it. State: the last closing of each month.</summary>
internal sealed class ClosingDesk(PageApi api, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, Closing> _closings = new(StringComparer.Ordinal);

    /// <param name="Answer">Of the API; not completed while it is closed.</param>
    internal sealed record Closing(DateTimeOffset Since, string By, Task<PageAnswer> Answer)
    {
        public bool IsRunning => !Answer.IsCompleted;

        /// <summary>Cause and remedy; empty while it runs and when it was closed.</summary>
        public string Fault => Answer is { IsCompletedSuccessfully: true, Result: var answer } ? answer.Fault : Answer.IsFaulted ? "The month could not be closed; the service's log has the details. Close it again: what is half done takes no effect." : "";
    }

    public Closing? Find(string period) => _closings.GetValueOrDefault(period);

    /// <summary>Begins to close a month, as the person who asks; one that is under way is left to itself.</summary>
    public void Begin(ClaimsPrincipal user, string period, IReadOnlyList<string> waive)
    {
        if (Find(period) is { IsRunning: true }) return;
        _closings[period] = new Closing(clock.GetUtcNow(), user.Identity?.Name ?? "", Task.Run(() => api.SendAsync(user, "POST", $"/v1/periods/{Uri.EscapeDataString(period)}/close", new { waive }, CancellationToken.None)));
    }
}
