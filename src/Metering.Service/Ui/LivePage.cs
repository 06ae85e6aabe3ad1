using System.Security.Claims;
using Metering.Service.Access;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.JSInterop;

namespace Metering.Service.Ui;

/// <summary>
/// A page that shows what the ledger holds and follows it: knows who looks, reads when it is opened and again every few seconds, keeps what it shows while the ledger is away, and ends with the key that was signed in with.
/// </summary>
public abstract class LivePage : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private string? _keyId;
    private bool _isReading, _isStale;

    /// <summary>Why what the page shows is old; null: it is not.</summary>
    protected string? Trouble { get; private set; }

    /// <summary>Why there is nothing to show: what was asked for is unknown or not right.</summary>
    protected string? Refusal { get; private set; }

    /// <summary>When it was last read; null: never.</summary>
    protected DateTimeOffset? ReadAt { get; private set; }

    protected ClaimsPrincipal User { get; private set; } = new();

    protected Caller Caller { get; private set; } = new("", null, null);

    protected bool IsAdmin => Caller.Role == Roles.Admin;

    /// <summary>Cancelled when the page is closed.</summary>
    protected CancellationToken End => _end.Token;

    [Inject] protected PageApi Api { get; private set; } = null!;

    [Inject] protected NavigationManager Navigation { get; private set; } = null!;

    [Inject] protected TimeProvider Clock { get; private set; } = null!;

    [Inject] private KeyRing Keys { get; set; } = null!;

    [Inject] private ILoggerFactory Logs { get; set; } = null!;

    [CascadingParameter] private Task<AuthenticationState> SignedIn { get; set; } = null!;

    /// <summary>How often it is read again. A page that people write in may take its time.</summary>
    protected virtual TimeSpan RefreshEvery => TimeSpan.FromSeconds(5);

    /// <summary>Reads what the page shows.</summary>
    protected abstract Task ReadAsync();

    protected override async Task OnInitializedAsync()
    {
        User = (await SignedIn).User;
        Caller = Caller.Of(User);
        _keyId = User.FindFirst(SignInEndpoints.KeyClaim)?.Value;
    }

    protected override Task OnParametersSetAsync() => RefreshAsync();

    protected override void OnAfterRender(bool firstRender)
    {
        // Only in a live page: the page as first sent is not refreshed.
        if (firstRender) _ = RunAsync();
    }

    /// <summary>Reads again now.</summary>
    protected async Task RefreshAsync()
    {
        // Asked for while it is read, such as by another address: what is read may be of before.
        _isStale = _isReading;
        if (_isReading) return;
        _isReading = true;
        try
        {
            do
            {
                _isStale = false;
                await ReadAsync();
            }
            while (_isStale);
            (Trouble, Refusal, ReadAt) = (null, null, Clock.GetUtcNow());
        }
        catch (PageRefusedException refused) when (refused.Status < 500)
        {
            Refusal = refused.Message;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // What is shown stays, marked as old; the next refresh tries again.
            Trouble = "The ledger can not be read now.";
            Logs.CreateLogger(GetType()).LogWarning("A page can not be read: {Reason}", e.Message);
        }
        finally
        {
            _isReading = false;
        }
    }

    protected Task<T> GetAsync<T>(string path) => Api.GetAsync<T>(User, path, End);

    /// <summary>Changes something by the API, and reads the page again when it was taken.</summary>
    /// <param name="ifMatch">See <see cref="PageApi.SendAsync"/>.</param>
    protected async Task<PageAnswer> SendAsync(string method, string path, object? body = null, string? ifMatch = null)
    {
        var answer = _keyId is null || await Keys.StandsAsync(_keyId, End) ? await Api.SendAsync(User, method, path, body, End, ifMatch) : new PageAnswer(StatusCodes.Status401Unauthorized, "");
        if (!answer.IsFine) return answer;
        await RefreshAsync();

        // Asked by a part of the page, only that part would be drawn anew.
        StateHasChanged();
        return answer;
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(RefreshEvery, Clock);
        try
        {
            while (await timer.WaitForNextTickAsync(End))
            {
                if (_keyId is not null && !await Keys.StandsAsync(_keyId, End))
                {
                    await InvokeAsync(() => Navigation.NavigateTo("/sign-in", forceLoad: true));
                    return;
                }

                await InvokeAsync(async () =>
                {
                    await RefreshAsync();
                    StateHasChanged();
                });
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or JSDisconnectedException)
        {
            // The page was closed.
        }
        catch (Exception e)
        {
            // Nobody awaits this loop; without this line its end would go unseen.
            Logs.CreateLogger(GetType()).LogWarning("A page is no longer refreshed: {Reason}", e.Message);
        }
    }

    public void Dispose()
    {
        _end.Cancel();
        _end.Dispose();
        GC.SuppressFinalize(this);
    }
}
