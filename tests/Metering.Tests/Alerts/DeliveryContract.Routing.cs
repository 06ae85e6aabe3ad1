using System.Security.Claims;
using Metering.Service.Access;
using Metering.Service.Alerts;
using Metering.Service.Alerts.Routing;
using Xunit;

namespace Metering.Tests.Alerts;

public abstract partial class DeliveryContract
{
    [Fact]
    public async Task An_alert_goes_to_who_is_named_and_to_whose_route_takes_it()
    {
        await EndpointAsync("named", Log("named"));
        await EndpointAsync("all", Log("all") with { Route = new() });
        await EndpointAsync("acme", Log("acme") with { Route = new() { Tenant = ["acme", "b*"] } });
        await EndpointAsync("critical", Log("critical") with { Route = new() { Severity = ["critical"] } });
        await EndpointAsync("label", Log("label") with { Route = new() { Tenant = ["acme"], Label = new Dictionary<string, string> { ["quota"] = "disk*" } } });

        await AlertAsync("firing", "cpu", "acme", named: ["named"]);
        await AlertAsync("firing", "disk-1", "acme");
        await AlertAsync("firing", "cpu", "bravo", threshold: 100);
        await AlertAsync("firing", "cpu", "bravo", threshold: 100);
        await AlertAsync("pending", "mem", "acme", named: ["named"]);
        await SendAsync();

        Assert.Equal("cpu_acme_80_1", Sent("named"));
        Assert.Equal("cpu_acme_80_1 disk-1_acme_80_1 cpu_bravo_100_1", Sent("all"));
        Assert.Equal(Sent("all"), Sent("acme"));
        Assert.Equal("cpu_bravo_100_1", Sent("critical"));
        Assert.Equal("disk-1_acme_80_1", Sent("label"));
        var current = await new AlertBook(_store, _clock).CurrentAsync(Caller.Local, null, 10, Cancel);
        Assert.Equal(["firing", "firing", "firing", "pending"], current.Select(alert => alert.State));
        Assert.All(await new AlertBook(_store, _clock).CurrentAsync(new Caller(Roles.Reader, "bravo", null), null, 10, Cancel), alert => Assert.Equal("bravo", alert.Tenant));
    }

    [Fact]
    public async Task Resolved_is_told_to_those_who_were_told_of_the_alert()
    {
        await EndpointAsync("all", Log("all") with { Route = new() });
        await EndpointAsync("firing", Log("firing") with { Route = new(), SendResolved = false });

        await AlertAsync("pending", transition: 1);
        await AlertAsync("resolved", transition: 2);
        await AlertAsync("firing", transition: 3);
        var since = _clock.GetUtcNow();
        _clock.Advance(TimeSpan.FromMinutes(5));
        await AlertAsync("resolved", transition: 4);
        await AlertAsync("resolved", transition: 5);
        await SendAsync();

        Assert.Equal("cpu_acme_80_3 cpu_acme_80_4", Sent("all"));
        Assert.Equal("cpu_acme_80_3", Sent("firing"));
        var alert = Assert.Single(await new AlertBook(_store, _clock).CurrentAsync(Caller.Local, null, 10, Cancel));
        Assert.Equal(("resolved", since), (alert.State, alert.Since));
        Assert.Equal(since, alert.Data.GetProperty("since").GetDateTimeOffset());
    }

    [Fact]
    public async Task Alerts_of_a_group_wait_for_each_other_and_go_in_one_message()
    {
        await EndpointAsync("team", Log("team") with { Route = new(), GroupBy = ["tenant"], GroupWait = "30s" });

        await AlertAsync("firing", "a");
        _clock.Advance(TimeSpan.FromSeconds(20));
        await AlertAsync("firing", "b");
        await AlertAsync("firing", "c", "bravo");
        await AlertAsync("firing", "gone");
        await AlertAsync("resolved", "gone", transition: 2);
        await SendAsync();
        Assert.Equal("", Sent("team"));

        _clock.Advance(TimeSpan.FromSeconds(10));
        await SendAsync();
        Assert.Equal("[a_acme_80_1 b_acme_80_1]", Sent("team"));

        _clock.Advance(TimeSpan.FromSeconds(20));
        await AlertAsync("resolved", "a", transition: 2);
        await SendAsync();
        _clock.Advance(TimeSpan.FromSeconds(30));
        await SendAsync();
        Assert.Equal("[a_acme_80_1 b_acme_80_1] c_bravo_80_1 a_acme_80_2", Sent("team"));
        Assert.Equal(2, await CountAsync("notification"));
    }

    [Fact]
    public async Task A_group_too_large_for_one_message_goes_in_several()
    {
        await EndpointAsync("team", Log("team") with { Route = new(), GroupWait = "1s" });
        for (var i = 0; i < 100; i++) await AlertAsync("firing", $"q{i:00}");

        _clock.Advance(TimeSpan.FromSeconds(1));
        await SendAsync();

        var ids = Sent("team").Split(' ').Select(id => id.Trim('[', ']')).Order(StringComparer.Ordinal);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"q{i:00}_acme_80_1"), ids);
        Assert.InRange(await CountAsync("delivery"), 2, 20);
    }

    [Fact]
    public async Task An_alert_that_goes_on_is_told_again_until_it_is_resolved()
    {
        await EndpointAsync("ops", Log("ops") with { Repeat = "4h" });
        await AlertAsync("firing", named: ["ops"]);

        for (var hour = 0; hour < 9; hour++)
        {
            await SendAsync();
            _clock.Advance(TimeSpan.FromHours(1));
        }

        await AlertAsync("resolved", transition: 2);
        await AlertAsync("resolved", transition: 2, named: ["ops"]);
        for (var hour = 0; hour < 9; hour++)
        {
            await SendAsync();
            _clock.Advance(TimeSpan.FromHours(1));
        }

        var sent = Sent("ops").Split(' ');
        Assert.Equal(4, sent.Length);
        Assert.Equal("cpu_acme_80_1", sent[0]);
        Assert.All(sent[1..3], id => Assert.StartsWith("cpu_acme_80_1_", id));
        Assert.Equal("cpu_acme_80_2", sent[3]);
        Assert.Equal(4, sent.Distinct().Count());
    }

    [Fact]
    public async Task Alertmanager_is_told_each_minute_while_it_takes_it_and_nothing_piles_up()
    {
        await using var receiver = RawReceiver.Answering("200 OK");
        await EndpointAsync("am", new EndpointSettings { Channel = "alertmanager", Url = receiver.Url, Route = new() });
        await EndpointAsync("down", new EndpointSettings { Channel = "alertmanager", Url = "http://127.0.0.1:1/", Route = new() });
        await AlertAsync("firing", "a");
        await AlertAsync("firing", "b");

        for (var second = 0; second <= 180; second += 10)
        {
            await SendAsync();
            _clock.Advance(TimeSpan.FromSeconds(10));
        }

        // Two alerts at once, then both in one request at each full minute.
        Assert.Equal(2 + 3, receiver.Requests.Count);
        Assert.Contains("\"quota\":\"a\"", receiver.Requests[^1]);
        Assert.Contains("\"quota\":\"b\"", receiver.Requests[^1]);
        Assert.Equal(2, await CountAsync("delivery WHERE webhook = 'down'"));
        _clock.Advance(TimeSpan.FromHours(2));
        await Keeper().RunAsync(Cancel);
        Assert.InRange(await CountAsync("delivery WHERE webhook = 'am'"), 2, 3);
    }

    [Fact]
    public async Task A_silence_keeps_alerts_back_and_what_still_fires_is_told_at_its_end()
    {
        await EndpointAsync("ops", Log("ops") with { Route = new() });
        var (book, admin) = (new AlertBook(_store, _clock), new ClaimsPrincipal());
        await AlertAsync("firing", "before");
        var end = _clock.GetUtcNow().AddHours(1);
        await book.AddAsync(new Dictionary<string, string> { ["tenant"] = "ac*" }, _clock.GetUtcNow(), end, "me", "maintenance", admin, Cancel);

        await AlertAsync("firing", "stays");
        await AlertAsync("firing", "passes");
        await AlertAsync("resolved", "passes", transition: 2);
        await AlertAsync("firing", "other", "bravo");
        await AlertAsync("resolved", "before", transition: 2);
        await SendAsync();
        Assert.Equal("before_acme_80_1 other_bravo_80_1 before_acme_80_2", Sent("ops"));
        Assert.NotNull(Assert.Single(await book.CurrentAsync(Caller.Local, "firing", 10, Cancel), alert => alert.Subject == "stays").Silence);
        Assert.Equal(4, await CountAsync("alert WHERE silence IS NOT NULL"));

        _clock.Advance(TimeSpan.FromHours(1));
        await SendAsync();
        await SendAsync();
        Assert.EndsWith(" stays_acme_80_1", Sent("ops"));
    }

    [Fact]
    public async Task A_silence_that_is_ended_early_lets_go_at_once()
    {
        await EndpointAsync("ops", Log("ops") with { Route = new() });
        var (book, admin) = (new AlertBook(_store, _clock), new ClaimsPrincipal());
        var silence = await book.AddAsync(new Dictionary<string, string> { ["severity"] = "*" }, _clock.GetUtcNow(), _clock.GetUtcNow().AddDays(1), "me", "maintenance", admin, Cancel);
        await AlertAsync("firing");
        await SendAsync();
        Assert.Equal("", Sent("ops"));

        Assert.True(await book.EndAsync(silence.Id, admin, Cancel));
        Assert.False(await book.EndAsync(silence.Id, admin, Cancel));
        await SendAsync();
        Assert.Equal("cpu_acme_80_1", Sent("ops"));
    }
}
