using Metering.Service.Alerts;
using Metering.Units;
using Xunit;

namespace Metering.Tests.Alerts;

public abstract partial class DeliveryContract
{
    [Fact]
    public async Task A_failure_holds_back_what_comes_after_it_until_its_time()
    {
        var status = "500 No";
        await using var receiver = new RawReceiver((socket, cancel) => RawReceiver.SendAsync(socket, $"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", cancel));
        await EndpointAsync("ops", new EndpointSettings { Url = receiver.Url });
        await EventsAsync("ops", 2);

        await Dispatcher().RunDueAsync(Cancel);
        await Dispatcher().RunDueAsync(Cancel);
        Assert.Equal(["e1"], Ids(receiver));
        Assert.Equal((1, Delivery.Pending, 500), (await DeliveryAsync("ops", "e1")) is var first ? (first.Attempts, first.State, first.LastStatus) : default);

        // What is new waits too, though it is due.
        await EventsAsync("ops", 1, from: 3);
        _clock.Advance(TimeSpan.FromSeconds(4));
        await Dispatcher().RunDueAsync(Cancel);
        Assert.Single(receiver.Requests);

        status = "204 Yes";
        _clock.Advance(TimeSpan.FromSeconds(2));
        await Dispatcher().RunDueAsync(Cancel);
        Assert.Equal(["e1", "e1", "e2", "e3"], Ids(receiver));
        Assert.Null((await EndpointAsync("ops")).FailingSince);
    }

    [Fact]
    public async Task Where_order_does_not_matter_the_others_go_on()
    {
        await using var receiver = new RawReceiver((socket, cancel) => RawReceiver.SendAsync(socket, "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", cancel));
        await EndpointAsync("ops", new EndpointSettings { Url = receiver.Url, Ordered = false });
        await EventsAsync("ops", 2);

        await Dispatcher().RunDueAsync(Cancel);

        Assert.Equal(["e1", "e2"], Ids(receiver));
    }

    [Fact]
    public async Task Every_attempt_is_logged_by_the_schedule_and_the_tenth_is_the_last()
    {
        await using var receiver = RawReceiver.Answering("404 Not Found", "", "no such hook");
        await EndpointAsync("ops", new EndpointSettings { Url = receiver.Url });
        await EventsAsync("ops", 1);
        var book = new DeliveryBook(_store, Dispatcher(), _clock);

        foreach (var wait in RetrySchedule.Delays)
        {
            _clock.Advance(wait * 1.1);
            await Dispatcher().RunDueAsync(Cancel);
        }

        var details = (await book.FindAsync("ops", "e1", Cancel))!;
        Assert.Equal((Delivery.Dead, 10, 404), (details.Delivery.State, details.Delivery.Attempts, details.Delivery.LastStatus));
        Assert.Equal(10, details.Attempts.Count);
        Assert.All(details.Attempts, attempt => Assert.Equal(("failed", 404, "no such hook"), (attempt.Outcome, attempt.Status, attempt.Answer)));
        Assert.Equal("e1", details.Event.GetProperty("id").GetString());
        Assert.Equal("test", details.Event.GetProperty("type").GetString());

        Assert.Equal(1, await book.RedeliverAsync("ops", "e1", null, null, new System.Security.Claims.ClaimsPrincipal(), Cancel));
        await Dispatcher().RunDueAsync(Cancel);
        Assert.Equal(11, (await book.FindAsync("ops", "e1", Cancel))!.Attempts.Count);
        Assert.Null(await book.RedeliverAsync("nobody", "e1", null, null, new System.Security.Claims.ClaimsPrincipal(), Cancel));
    }

    [Fact]
    public async Task A_range_of_time_is_sent_again_in_its_order()
    {
        await EndpointAsync("ops", Log("ops"));
        var from = _clock.GetUtcNow();
        for (var i = 1; i <= 5; i++)
        {
            await EventsAsync("ops", 1, from: i);
            _clock.Advance(TimeSpan.FromHours(1));
        }

        await Dispatcher().RunDueAsync(Cancel);
        var book = new DeliveryBook(_store, Dispatcher(), _clock);
        Assert.Equal(3, await book.RedeliverAsync("ops", null, from.AddHours(1), from.AddHours(4), new System.Security.Claims.ClaimsPrincipal(), Cancel));
        await Dispatcher().RunDueAsync(Cancel);

        Assert.Equal("e1 e2 e3 e4 e5 e2 e3 e4", Sent("ops"));
        Assert.Equal(["e5", "e4"], (await book.ListAsync("ops", "delivered", null, 2, Cancel))!.Select(delivery => delivery.EventId));
        Assert.Equal(["e3", "e2"], (await book.ListAsync("ops", null, "e4", 2, Cancel))!.Select(delivery => delivery.EventId));
        Assert.Equal(["e4", "e3", "e2"], (await book.ListAsync("ops", "delivered", null, 9, Cancel, from.AddHours(1), from.AddHours(4)))!.Select(delivery => delivery.EventId));
        Assert.Equal(["e2", "e1"], (await book.ListAsync("ops", null, null, 9, Cancel, until: from.AddHours(2)))!.Select(delivery => delivery.EventId));
    }

    [Fact]
    public async Task A_message_that_can_not_be_made_is_a_failure_like_any_other()
    {
        await EndpointAsync("ops", Log("ops"));
        await _store.WriteAsync(transaction => Outbox.DeliverAsync(transaction, "ops", "e1", "no event"u8.ToArray(), _clock.GetUtcNow()), Cancel);

        await Dispatcher().RunDueAsync(Cancel);

        Assert.Contains("could not be made", (await DeliveryAsync("ops", "e1")).LastError);
        Assert.Equal(1, (await DeliveryAsync("ops", "e1")).Attempts);
    }

    [Fact]
    public async Task What_a_receiver_asks_for_is_waited_for()
    {
        await using var receiver = RawReceiver.Answering("429 Slow", "Retry-After: 3600\r\n");
        await EndpointAsync("ops", new EndpointSettings { Url = receiver.Url });
        await EventsAsync("ops", 1);

        await Dispatcher().RunDueAsync(Cancel);

        var wait = (await DeliveryAsync("ops", "e1")).NextAttemptAt - _clock.GetUtcNow().ToUnixMicroseconds();
        Assert.InRange(wait, 3_600_000_000L, 3_960_000_000L);
    }

    [Fact]
    public async Task Gone_disables_the_endpoint_once_and_the_others_are_told()
    {
        await using var receiver = RawReceiver.Answering("410 Gone");
        await EndpointAsync("ops", new EndpointSettings { Url = receiver.Url });
        await EndpointAsync("watch", Log("watch") with { Route = new() { Label = new Dictionary<string, string> { ["endpoint"] = "*" } } });
        await EventsAsync("ops", 2);

        await Dispatcher().RunDueAsync(Cancel);
        _clock.Advance(TimeSpan.FromDays(1));
        await Dispatcher().RunDueAsync(Cancel);

        Assert.Single(receiver.Requests);
        Assert.Equal("The receiver answered 410 Gone.", (await EndpointAsync("ops")).Disabled);
        Assert.StartsWith("ep_ops_firing_", Sent("watch"));
        Assert.Equal(1, await CountAsync("alert WHERE state = 'firing'"));
    }

    [Fact]
    public async Task Many_events_to_an_endpoint_that_is_dead_for_days_disable_it_once_and_are_replayed_in_order()
    {
        // What stands in the way of the directory is a file, so that nothing can be written.
        await File.WriteAllTextAsync(_options.LogDirectory, "", Cancel);
        await EndpointAsync("ops", Log("ops"));
        await EventsAsync("ops", Many);
        var dispatcher = Dispatcher();

        for (var hour = 0; hour < 6 * 24; hour++)
        {
            await dispatcher.RunDueAsync(Cancel);
            _clock.Advance(TimeSpan.FromHours(1));
        }

        Assert.StartsWith("Nothing was taken since 2026-11-03 00:00 UTC", (await EndpointAsync("ops")).Disabled);
        Assert.Equal(1, await CountAsync("alert"));
        Assert.InRange(await CountAsync("delivery_attempt"), 15, 22);

        // It is put right, enabled, and told to send all again.
        File.Delete(_options.LogDirectory);
        await _store.WriteAsync(transaction => transaction.ExecuteAsync("UPDATE webhook SET disabled = NULL, failing_since = NULL"), Cancel);
        await new DeliveryBook(_store, dispatcher, _clock).RedeliverAsync("ops", null, DateTimeOffset.UnixEpoch, null, new System.Security.Claims.ClaimsPrincipal(), Cancel);
        await _store.WriteAsync(transaction => transaction.ExecuteAsync("UPDATE delivery SET next_attempt_at = 0"), Cancel);
        await dispatcher.RunDueAsync(Cancel);

        Assert.Equal(string.Join(' ', Enumerable.Range(1, Many).Select(n => $"e{n}")), Sent("ops"));
    }

    [Fact]
    public async Task Who_dies_between_sending_and_noting_sends_again_with_the_same_id()
    {
        await EndpointAsync("ops", Log("ops"));
        await EventsAsync("ops", 2);
        var killed = Dispatcher();
        killed.FaultPoint = (moment, id) => { if (id == "e1") throw new InvalidOperationException("killed when " + moment); };

        await killed.RunDueAsync(Cancel);
        await Dispatcher().RunDueAsync(Cancel);

        Assert.Equal("e1 e1 e2", Sent("ops"));
    }

    [Fact]
    public async Task One_that_hangs_delays_nobody_else()
    {
        await using var hanging = new RawReceiver((_, stop) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop));
        for (var i = 0; i < 20; i++) await EndpointAsync("slow" + i, new EndpointSettings { Url = hanging.Url });
        await EndpointAsync("zz", Log("zz"));
        await _store.WriteAsync(transaction => Outbox.AddEventAsync(transaction, "e1", "test", "s", [.. Enumerable.Range(0, 20).Select(i => "slow" + i), "zz"], _clock.GetUtcNow(), _ => { }), Cancel);
        using var dispatcher = Dispatcher();
        await dispatcher.StartAsync(Cancel);
        try
        {
            var began = TimeProvider.System.GetTimestamp();
            while (Sent("zz").Length == 0)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(3), "It waits for those that hang.");
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
            }

            // They hang still.
            Assert.Equal(0, await CountAsync("delivery_attempt a JOIN delivery d ON d.id = a.delivery WHERE d.webhook <> 'zz'"));
        }
        finally
        {
            await dispatcher.StopAsync(Cancel);
        }
    }

    private static IEnumerable<string> Ids(RawReceiver receiver) =>
        receiver.Requests.Select(request => request.Split("\r\n").First(line => line.StartsWith("webhook-id:", StringComparison.OrdinalIgnoreCase))["webhook-id:".Length..].Trim());
}
