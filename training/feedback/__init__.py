"""Fine-tuning with people's feedback: a model and grades of its pictures -> its next version.

    grades -> reward_model -> reweighting -> finetuning_round -> train -> export -> models/<name>/
              pretrained ------------------^     acceptance --------------^

Read in this order:

    grades             people's grades, and the pictures that they are of
    ratings_client     the grades of a running service, over HTTP
    pretrained         the model that fine-tuning starts from
    reward_model       predicts grades, learned from people's
    reweighting        how often each real picture is shown, by its predicted grade
    acceptance         the acceptance test of the fine-tuned model
    finetuning_round   all of it: one version further
    simulation         a grader made of labels, to try it before a person spends an hour
    simulated_rounds   the same rounds with that grader, measured after each
"""
