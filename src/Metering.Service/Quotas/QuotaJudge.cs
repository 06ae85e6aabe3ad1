namespace Metering.Service.Quotas;

/// <summary>
/// Decides, from a reading and the states before it, what a quota's thresholds do. Pure: whoever comes first, the transaction that adds usage, an edit or the clock, decides the same.
/// </summary>
internal static class QuotaJudge
{
    /// <summary>Writes the new states into <paramref name="states"/> and returns what changed, the lowest threshold first.</summary>
    /// <param name="now">Unix seconds.</param>
    public static List<QuotaTransition> Decide(CompiledQuota quota, QuotaReading reading, QuotaStateSet states, long now)
    {
        var done = new List<QuotaTransition>();
        if (reading.Value is not { } value) return done;
        foreach (var threshold in quota.Thresholds)
        {
            if (quota.IsImmediate) Window(quota, threshold, reading, value, states, now, done);
            else Level(quota, threshold, reading, value, states, done);
        }

        return done;
    }

    /// <summary>Ends what the quota no longer has: thresholds that an edit took away, or all of them.</summary>
    public static List<QuotaTransition> End(IEnumerable<QuotaThreshold> kept, QuotaReading reading, QuotaStateSet states)
    {
        var done = new List<QuotaTransition>();
        var keys = kept.Select(threshold => threshold.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var state in states.All.Where(state => !keys.Contains(state.Threshold)).OrderBy(state => (state.Window, state.Amount)).ToList())
        {
            states.Remove(state);
            var threshold = QuotaThreshold.Former(state.Threshold, state.Amount);
            if (state.State == QuotaState.Firing) done.Add(new QuotaTransition(threshold, QuotaState.Firing, QuotaState.Resolved, reading) { SaidWindow = state.SaidWindow });
            if (state.State == QuotaState.Pending) done.Add(new QuotaTransition(threshold, QuotaState.Pending, QuotaState.Ok, reading));
        }

        return done;
    }

    // A calendar window: what has fired stays so until the window ends, even when usage is moved away; only an edit of the amount takes it back.
    private static void Window(CompiledQuota quota, QuotaThreshold threshold, QuotaReading reading, decimal value, QuotaStateSet states, long now, List<QuotaTransition> done)
    {
        var breached = value >= threshold.Amount;
        var paused = quota.IsPausedAt(now);
        var move = new Mover(threshold, reading, reading.WindowStart, now, states, done);
        switch (states.Find(reading.WindowStart, threshold.Key))
        {
            case null when breached && !paused && quota.Hold == 0:
                move.To(QuotaState.Ok, QuotaState.Firing);
                if (reading.IsClosed) move.To(QuotaState.Firing, QuotaState.Resolved);
                break;
            case null when breached && !paused && !reading.IsClosed:
                move.To(QuotaState.Ok, QuotaState.Pending);
                break;
            case { State: QuotaState.Pending } pending:
                var outlived = pending.Since + quota.Hold <= Math.Min(now, reading.WindowEnd);
                if (breached && outlived && !paused)
                {
                    move.To(QuotaState.Pending, QuotaState.Firing);
                    if (reading.IsClosed) move.To(QuotaState.Firing, QuotaState.Resolved);
                }
                else if (!breached || reading.IsClosed)
                {
                    move.Back(pending, QuotaState.Ok);
                }

                break;
            case { State: QuotaState.Firing } when reading.IsClosed:
                move.To(QuotaState.Firing, QuotaState.Resolved);
                break;
            case { State: QuotaState.Firing } firing when firing.Amount != threshold.Amount:
                if (breached) states.Set(firing with { Amount = threshold.Amount });
                else move.Back(firing, QuotaState.Resolved);
                break;
        }
    }

    // A figure that comes and goes: fires when it has held long enough, is resolved when it is back by the hysteresis.
    private static void Level(CompiledQuota quota, QuotaThreshold threshold, QuotaReading reading, decimal value, QuotaStateSet states, List<QuotaTransition> done)
    {
        var back = threshold.Amount * quota.Document.Hysteresis / 100;
        var breached = quota.IsBelow ? value < threshold.Amount : value >= threshold.Amount;
        var cleared = quota.IsBelow ? value >= threshold.Amount + back : value < threshold.Amount - back;
        var hold = quota.Slots == QuotaSlots.Windows ? 0 : quota.Hold;
        var paused = quota.IsPausedAt(reading.To);
        var move = new Mover(threshold, reading, 0, reading.From, states, done);
        switch (states.Find(0, threshold.Key))
        {
            case null when breached && !paused && reading.To - reading.From >= hold:
                move.To(QuotaState.Ok, QuotaState.Firing);
                break;
            case null when breached && !paused:
                move.To(QuotaState.Ok, QuotaState.Pending);
                break;
            case { State: QuotaState.Pending } pending when !breached:
                move.Back(pending, QuotaState.Ok);
                break;
            case { State: QuotaState.Pending } pending when !paused && reading.To - pending.Since >= hold:
                move.To(QuotaState.Pending, QuotaState.Firing);
                break;
            case { State: QuotaState.Firing } firing when cleared:
                move.Back(firing, QuotaState.Resolved);
                break;
            case { State: QuotaState.Firing } firing when firing.Amount != threshold.Amount:
                states.Set(firing with { Amount = threshold.Amount });
                break;
        }
    }

    private readonly ref struct Mover(QuotaThreshold threshold, QuotaReading reading, long window, long since, QuotaStateSet states, List<QuotaTransition> done)
    {
        public void To(string former, string state)
        {
            var said = states.Find(window, threshold.Key)?.SaidWindow;
            states.Set(new QuotaState(window, threshold.Key, reading.WindowEnd, state, since, threshold.Amount) { SaidWindow = said });
            done.Add(new QuotaTransition(threshold, former, state, reading) { SaidWindow = said });
        }

        // Armed again: it may fire once more.
        public void Back(QuotaState from, string state)
        {
            states.Remove(from);
            done.Add(new QuotaTransition(threshold, from.State, state, reading) { SaidWindow = from.SaidWindow });
        }
    }
}
