namespace Metering.Service.Quotas;

/// <summary>The states of one quota, and which of them have changed since they were read.</summary>
internal sealed class QuotaStateSet(IEnumerable<QuotaState> stored)
{
    private readonly Dictionary<(long Window, string Threshold), QuotaState> _states = stored.ToDictionary(state => (state.Window, state.Threshold));

    public IEnumerable<QuotaState> All => _states.Values;

    /// <summary>What is to be written: the new state, or null where there is none any more.</summary>
    public Dictionary<(long Window, string Threshold), QuotaState?> Changed { get; } = [];

    public QuotaState? Find(long window, string threshold) => _states.GetValueOrDefault((window, threshold));

    public void Set(QuotaState state) => Changed[(state.Window, state.Threshold)] = _states[(state.Window, state.Threshold)] = state;

    public void Remove(QuotaState state)
    {
        _states.Remove((state.Window, state.Threshold));
        Changed[(state.Window, state.Threshold)] = null;
    }
}
