using Metering.Service.Ledger;
using Xunit;

namespace Metering.Tests.Alerts;

public abstract partial class DeliveryContract
{
    /// <summary>Replicas that all send at once, each with connections of its own, and one of them that dies with an event sent and not noted.</summary>
    protected async Task SendByReplicasAsync(int replicas, int events)
    {
        var stores = new List<LedgerStore>();
        try
        {
            for (var i = 0; i < replicas; i++) stores.Add(LedgerStore.Create(new LedgerOptions { ConnectionString = _connectionString }));
            await EndpointAsync("a", Log("a"));
            await EndpointAsync("b", Log("b"));
            await EventsAsync("a", events);
            await EventsAsync("b", events);
            var killed = Dispatcher(stores[0]);
            killed.FaultPoint = (_, id) => { if (id == "e50") throw new InvalidOperationException("killed"); };

            await killed.RunDueAsync(Cancel);
            Assert.EndsWith(" e50", Sent("a"));
            var dispatchers = stores.ConvertAll(store => Dispatcher(store));
            for (var round = 0; round < 20; round++) await Task.WhenAll(dispatchers.Select(dispatcher => Task.Run(() => dispatcher.RunDueAsync(Cancel), Cancel)));

            // Once each and in order, but for the one that was sent by who died.
            var expected = string.Join(' ', Enumerable.Range(1, events).SelectMany(n => n == 50 ? new[] { "e50", "e50" } : [$"e{n}"]));
            Assert.Equal(expected, Sent("a"));
            Assert.Equal(expected, Sent("b"));
        }
        finally
        {
            foreach (var store in stores) await store.DisposeAsync();
        }
    }
}
